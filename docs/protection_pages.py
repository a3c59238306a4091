"""Writes ``docs/protections.md``: what real protections do, by a search of every interleaving.

    python docs/protection_pages.py [NAME ...]

Builds and explores the services of ``examples/protections``, under order alone and under one
failure; those not named keep their rows. What was seen is kept in ``docs/protections.json``, so
that the page can be compared with it, and each counterexample beside its service as a witness.
"""

from __future__ import annotations

import datetime
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SERVICES = ROOT / "examples" / "protections"
CLAIMS = ROOT / "docs" / "protections.toml"
SEEN = ROOT / "docs" / "protections.json"
PAGE = ROOT / "docs" / "protections.md"
VERDICTS = {0: "complete", 1: "caught", 3: "not decided"}
SEARCHES = {"order": (), "failures": ("--faults", "1")}
"""What is searched of each service, by the claims' name of it, and the options of the command."""
GROUPS = (
    "ORM",
    "idempotency middleware",
    "payment library",
    "lock library",
    "queue or durable execution",
)
LONGEST = "5m"
"""How long a search may take before it counts as not decided."""
PINS = {
    "requirements.txt": r"^{}(?:\[[\w,]+\])?==(\S+)$",
    "package.json": r'^ *"{}": "([\w.-]+)",?$',
    "go.mod": r"^(?:require)?\s*{} v(\S+)$",
    "pom.xml": r"<artifactId>{}</artifactId>\s*<version>([^<]+)</version>",
}
"""How each kind of file pins a package's version."""


_HEAD = """\
# Protections, and what they really do

Each of these libraries is to keep a payment from being made twice, or is reached for when one is.
Each is used as its own documentation says, in a small service of `examples/protections/` that has
no other protection, and two requests for one payment are run in every order of their steps; then in
every order with one failure at each step (an answer lost, an error, the process killed), after
which clients ask again. Who is caught is caught as it is used there; another setting may do better.

No lock alone survives every failure: whoever dies after the card was charged, and before that is
written down, charges again when asked again; an idempotency key of Stripe's own closes that.
*Caught* links to the witness, which `paidonce replay` shows once the service is built; how to read
one says [witnesses.md](witnesses.md). `make protections` makes this page anew.

Judged: {judged}. Under order alone {order}; under failures {failures}.
"""

_TABLE = """
## {group}

{judged} judged. Every order: {order}; with a failure: {failures}.

| library | for | its claim | every order | with a failure | searched |
|---|---|---|---|---|---|
"""

_KINDS = (
    (
        "one connection to Redis that all requests of a process share",
        "not in one process: what comes of it where one command overtakes another on that "
        "connection is not tried, and the search says so. With a connection each (two copies "
        "of the process) it is",
        "redis-lock, redlock, node-idempotency",
    ),
    (
        "a middleware that keeps its keys in Postgres",
        "yes",
        "fastidempotent-postgres",
    ),
    (
        "a lock that is polled",
        "yes, where pauses are short and alike: who tries waits, as for a lock ([how](hard-"
        "services.md#locks-that-are-polled)); not where they are random, or grow to seconds",
        "redis-py-lock, redis-lock-py",
    ),
    (
        "scripts and subscriptions that are new in the first execution",
        "yes: it is played beforehand, and not counted",
        "redis-lock-py, redisson-lock",
    ),
    (
        "advisory locks of a hashed name, made in SQL or by the client",
        "yes",
        "django-pglock, sqlalchemy-dlock, and `tests/cases/advisory-hash`",
    ),
    (
        "WATCH, MULTI and EXEC",
        "yes",
        "redis-py-watch",
    ),
    (
        "a message (pub/sub) that tells who waits for a lock",
        "yes, where it is not all that wakes him; Redis tells nobody who waits for a message "
        "alone, or in BLPOP, so that who does is one who waits inside the service",
        "redis-lock-py",
    ),
    (
        "LISTEN and NOTIFY as a lock, or to tell workers",
        "yes, where what is told of is begun at once, and not at a beat of its own",
        "pg-pubsub, pg-boss, graphile-worker",
    ),
)
"""What was hard to judge: the kind, whether it is decided, and the services it was seen with."""

_FOOT = """
## Kinds that are hard to judge

| kind | decided? | seen with |
|---|---|---|
"""


def claims() -> dict[str, dict[str, Any]]:
    """What is claimed of each service, by its folder."""
    return tomllib.loads(CLAIMS.read_text())


def explored(name: str, search: str, reports: Path) -> int:
    """Build a service and search it; returns how the command ended. Prints its output on stderr.

    ``search`` is one of ``SEARCHES``; ``reports`` becomes the folder of the reports.
    """
    target = SERVICES / name / "target.toml"
    command = [sys.executable, "-m", "paidonce", "explore", str(target.relative_to(ROOT))]
    command += ["--out", str(reports), "--budget", LONGEST, *SEARCHES[search]]
    return subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode


def keep(name: str, search: str, reports: Path) -> None:
    """Put the counterexample in ``reports`` in the place of the one kept, if there is one."""
    kept = witness(name, search)
    kept.unlink(missing_ok=True)
    for found in reports.glob("*.witness.json"):
        kept.parent.mkdir(exist_ok=True)
        shutil.copy(found, kept)


def witness(name: str, search: str) -> Path:
    """Where the counterexample of a search is kept, if it has one."""
    return SERVICES / name / "witnesses" / f"{search}.witness.json"


def version(name: str) -> str:
    """The version of the library that the service is about, as it is pinned."""
    package = claims()[name].get("package", name)
    for file, pattern in PINS.items():
        place = SERVICES / name / file
        if not place.exists():
            continue
        found = re.search(pattern.format(re.escape(package)), place.read_text(), re.MULTILINE)
        if found is not None:
            return found[1]
    raise SystemExit(f"{SERVICES / name}: none of {', '.join(PINS)} pins {package}")


def page(seen: dict[str, dict[str, Any]]) -> str:
    """The text of the page."""
    return (
        _HEAD.format(**_counts(seen)) + "".join(_table(group, seen) for group in GROUPS) + _kinds()
    )


def _kinds() -> str:
    return _FOOT + "".join(f"| {' | '.join(one)} |\n" for one in _KINDS)


def _counts(seen: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Count who was judged, and how many of them ended in each way, by search."""
    counts = {"judged": str(len(seen))}
    for search in SEARCHES:
        ends = [one[search] for one in seen.values()]
        counts[search] = ", ".join(f"{ends.count(end)} {word}" for end, word in VERDICTS.items())
    return counts


def _table(group: str, seen: dict[str, dict[str, Any]]) -> str:
    ours = {name: one for name, one in claims().items() if one["group"] == group}
    title = f"{group[0].upper()}{group[1:]}"
    head = _TABLE.format(group=title, **_counts({name: seen[name] for name in ours}))
    return head + "".join(_row(name, one, seen[name]) for name, one in ours.items())


def _row(name: str, one: dict[str, Any], seen: dict[str, Any]) -> str:
    cells = (
        f"[{name} {seen['version']}](../examples/protections/{name})",
        one["for"],
        one["claim"],
        *(_verdict(name, search, one, seen) for search in SEARCHES),
        seen["date"],
    )
    return f"| {' | '.join(cells)} |\n"


def _verdict(name: str, search: str, one: dict[str, Any], seen: dict[str, Any]) -> str:
    word = VERDICTS[seen[search]]
    if seen[search] == 1:
        word = f"[{word}](../{witness(name, search).relative_to(ROOT)})"
    said = one[search].get("meaning")
    return f"{word}: {said}" if said else word


def _ended(name: str, search: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        reports = Path(folder) / "report"
        ended = explored(name, search, reports)
        if ended not in VERDICTS:
            raise SystemExit(f"{name}: paidonce explore ended with {ended}, which is no verdict")
        keep(name, search, reports)
    return ended


def _noted() -> dict[str, dict[str, Any]]:
    """What was seen so far, in the order of the page; runs side by side each add to it."""
    seen = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    return {name: seen[name] for name in claims() if name in seen}


def main(names: list[str]) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    for name in names or list(claims()):
        ends = {search: _ended(name, search) for search in SEARCHES}
        row = {"version": version(name), **ends, "date": today}
        SEEN.write_text(json.dumps({**_noted(), name: row}, indent=2) + "\n")
    seen = _noted()
    SEEN.write_text(json.dumps(seen, indent=2) + "\n")
    if seen.keys() == claims().keys():
        PAGE.write_text(page(seen))


if __name__ == "__main__":
    main(sys.argv[1:])
