#!/usr/bin/env bash
# huey 3.5.4: what becomes of a task whose lock_task is taken.
#
# Guess, written down first: @huey.lock_task("settle") lets one task at a time settle; the next one
# waits for its turn, or is put off.
#
# Seen: it is dropped. The worker logs "not run, unable to acquire lock", the task is not in the
# queue any more, is not scheduled, and its result is a TaskException of TaskLockedException. Only a
# task with retries comes again. What was to be settled by it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check huey==3.5.4
cat > "$folder/dropped.py" <<'PY'
import importlib.metadata, logging, threading

from huey import MemoryHuey
from huey.exceptions import TaskException

logging.disable(logging.CRITICAL)
huey = MemoryHuey(results=True)
begun, go_on, ran = threading.Event(), threading.Event(), []


@huey.task()
@huey.lock_task("settle")
def settle(order):
    ran.append(order)
    begun.set()
    assert go_on.wait(60), "waited 60 s to be let go on"


first, second = settle("order-1"), settle("order-2")
worker = threading.Thread(target=lambda: huey.execute(huey.dequeue()))
worker.start()
assert begun.wait(60), "waited 60 s for the first task to begin"
huey.execute(huey.dequeue())  # what a second worker does with the second task
go_on.set()
worker.join()
first.get()
try:
    second.get()
    raise SystemExit("the second task came to a result")
except TaskException as error:
    print("huey", importlib.metadata.version("huey"), "ran", ran, "then", error)
    assert "TaskLockedException" in str(error)
left = huey.pending_count() + huey.scheduled_count()
print("waiting or scheduled:", left)
assert (ran, left) == (["order-1"], 0)
PY
"$folder/venv/bin/python" "$folder/dropped.py"
