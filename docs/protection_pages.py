"""Writes ``docs/protections.md``: what real protections do, by a search of every interleaving.

    python docs/protection_pages.py [NAME ...]

Builds and explores the services of ``examples/protections``; those not named keep their rows. What
was seen is kept in ``docs/protections.json``, so that the page can be compared with it.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SERVICES = ROOT / "examples" / "protections"
CLAIMS = ROOT / "docs" / "protections.toml"
SEEN = ROOT / "docs" / "protections.json"
PAGE = ROOT / "docs" / "protections.md"
VERDICTS = {0: "complete: no counterexample", 1: "caught, with a witness", 3: "not decided"}


_HEAD = """\
# Protections, and what they really do

Each of these libraries is to keep a payment from being made twice. Each is used as its own
documentation says, in a small service of `examples/protections/` that has no other protection, and
two requests with one key are run in every order of their steps. Who is caught is caught as it is
used there; another setting may do better. `make protections` makes this page anew; how to read a
witness says [witnesses.md](witnesses.md).

Judged: {judged}; caught: {caught}.

| library | kind | its claim | the search says | what that means | searched |
|---|---|---|---|---|---|
"""


def claims() -> dict[str, dict[str, Any]]:
    """What is claimed of each service, by its folder."""
    return tomllib.loads(CLAIMS.read_text())


def explored(name: str) -> int:
    """Build a service and search it; returns how the command ended. Prints its output on stderr."""
    command = [sys.executable, "-m", "paidonce", "explore", str(SERVICES / name / "target.toml")]
    return subprocess.run(command, cwd=SERVICES / name, stdout=sys.stderr, check=False).returncode


def version(name: str) -> str:
    """The version of the library that the service is named after, as it is pinned."""
    pinned = (SERVICES / name / "requirements.txt").read_text()
    found = re.search(rf"^{re.escape(name)}(?:\[\w+\])?==(\S+)$", pinned, re.MULTILINE)
    if found is None:
        raise SystemExit(f"{SERVICES / name / 'requirements.txt'}: does not pin {name}")
    return found[1]


def page(seen: dict[str, dict[str, Any]]) -> str:
    """The text of the page."""
    caught = sum(one["exit"] == 1 for one in seen.values())
    rows = [_row(name, one, seen[name]) for name, one in claims().items()]
    return _HEAD.format(judged=len(seen), caught=caught) + "\n".join(rows) + "\n"


def _row(name: str, one: dict[str, Any], seen: dict[str, Any]) -> str:
    cells = (
        f"[{name} {seen['version']}](../examples/protections/{name})",
        one["group"],
        one["claim"],
        VERDICTS[seen["exit"]],
        one["meaning"],
        seen["date"],
    )
    return f"| {' | '.join(cells)} |"


def main(names: list[str]) -> None:
    seen = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    for name in names or list(claims()):
        ended = explored(name)
        if ended not in VERDICTS:
            raise SystemExit(f"{name}: paidonce explore ended with {ended}, which is no verdict")
        seen[name] = {"version": version(name), "exit": ended, "date": today}
    seen = {name: seen[name] for name in claims()}
    SEEN.write_text(json.dumps(seen, indent=2) + "\n")
    PAGE.write_text(page(seen))


if __name__ == "__main__":
    main(sys.argv[1:])
