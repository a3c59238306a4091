"""Copies of the reference service, each with a mutant's patches, and one command that starts them.

    python start.py NAME     serves the mutant NAME
    python start.py migrate  creates the tables

``JITTER_MS`` lets every statement, every COMMIT and every Redis command be preceded by a nap of
random length, for threads that look for races in real time.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from mutants import Mutant

SERVICE = Path(__file__).parents[2] / "reference_service"
_START = """
import json, os, random, runpy, sys, time
from pathlib import Path

here = Path(__file__).parent
name = sys.argv[1]
known = json.loads((here / "known.json").read_text())
sys.path.insert(0, str(here / known[name]["folder"] if name in known else here / "service"))
if name in known:
    os.environ["PAYMENT_GUARD"] = known[name]["guard"]
    sys.argv = ["reference_service"]
    if known[name]["schema"]:
        import psycopg
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            for statement in known[name]["schema"]:
                connection.execute(statement)
jitter = float(os.environ.get("JITTER_MS", "0")) / 1000
if jitter:
    import redis
    from sqlalchemy import Engine, event

    def nap(*_, **__):
        time.sleep(random.random() * jitter)

    for moment in ("before_cursor_execute", "commit", "rollback"):
        event.listen(Engine, moment, nap)
    carried_out = redis.Redis.execute_command

    def napping(self, *arguments, **options):
        nap()
        return carried_out(self, *arguments, **options)

    redis.Redis.execute_command = napping
runpy.run_module("paidonce.reference_service", run_name="__main__", alter_sys=True)
"""


def write_copies(folder: Path, mutants: tuple[Mutant, ...]) -> Path:
    """Write the mutants' services into a folder; returns the program that starts them.

    Raises ``ValueError`` where a patch's text is not found exactly once.
    """
    _copied(folder / "service")
    known = {}
    for mutant in mutants:
        known[mutant.name] = {
            "folder": mutant.name,
            "guard": mutant.guard,
            "schema": mutant.schema,
        }
        copy = _copied(folder / mutant.name)
        for name, old, new in mutant.patches:
            file = copy / name
            text = file.read_text()
            if text.count(old) != 1:
                raise ValueError(
                    f"{mutant.name}: {name} has {old!r} {text.count(old)} times, not 1"
                )
            file.write_text(text.replace(old, new))
    (folder / "known.json").write_text(json.dumps(known))
    start = folder / "start.py"
    start.write_text(_START.lstrip())
    return start


def _copied(folder: Path) -> Path:
    """Return a copy of the service in ``folder``, under the name that its modules import."""
    package = folder / "paidonce"
    copy = package / "reference_service"
    shutil.copytree(SERVICE, copy, ignore=_IGNORED)
    (package / "__init__.py").touch()
    return copy


_IGNORED = shutil.ignore_patterns("__pycache__")
