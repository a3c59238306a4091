"""Writes the tables of ``docs/orm-locks.md``: what each ORM sends, seen with the real package.

    python docs/orm_pages.py [NAME ...]

Puts the calls of ``paidonce.harness.orms``, as reports show them, into the programs of
``benchmarks/orm_calls``, builds each with the versions that it pins, and runs it on a Postgres that
logs every statement. What came of it is kept in ``docs/orm-calls.json``; those not named keep what
was seen before.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.orms import ORMS, Orm, RowAsked, Way, call
from paidonce.harness.orms.calls import joined

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "benchmarks" / "orm_calls"
SEEN = ROOT / "docs" / "orm-calls.json"
PAGE = ROOT / "docs" / "orm-locks.md"
BEGIN, END = "<!-- calls:begin -->", "<!-- calls:end -->"
ROW = RowAsked(
    table="public.orders", key="id", column="status", value="unpaid", sets=(("status", "paid"),)
)
SCHEMA = """
CREATE TABLE items (id int PRIMARY KEY, order_id int);
CREATE TABLE orders (
  id int PRIMARY KEY, status text NOT NULL, version int NOT NULL, first_item int REFERENCES items
);
INSERT INTO items VALUES (1, 1);
INSERT INTO orders VALUES (1, 'unpaid', 1, 1);
"""
_GENERATOR = "org.jooq.codegen.GenerationTool"
COMMANDS: Mapping[str, Sequence[Sequence[str]]] = {
    "js": (("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"),),
    "python": (
        ("python3", "-m", "venv", "venv"),
        ("venv/bin/pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements.txt"),
    ),
    "go": (
        ("go", "mod", "tidy", "-e"),
        ("go", "generate", "./..."),
        ("go", "mod", "tidy"),
        ("go", "build", "-mod=mod", "-o", "seen", "."),
    ),
    "java": (
        ("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"),
        ("sh", "-c", f'test ! -f codegen.xml || java -cp "lib/*" {_GENERATOR} codegen.xml'),
        ("sh", "-c", 'javac -cp "lib/*" -d classes $(find . -name "*.java")'),
    ),
    "rust": (("cargo", "build", "--quiet"),),
}
RUN: Mapping[str, Sequence[str]] = {
    "js": ("node", "program.mjs"),
    "python": ("venv/bin/python", "-W", "ignore", "program.py"),
    "go": ("./seen",),
    "java": ("java", "-cp", "lib/*:classes", "Program"),
    "rust": ("target/debug/seen",),
}
SHARED = {
    "js": "cases.mjs",
    "python": "cases.py",
    "go": "cases.go",
    "java": "Cases.java",
    "rust": "cases.rs",
}
_CALL = re.compile(r"^(?P<indent>[ \t]*)CALL\((?P<line>\w+)\)|CALL\((?P<inline>\w+)\)", re.M)
_LOGGED = re.compile(
    r"^[\d.]+ \[(?P<session>\d+)\] \S+ \S+: LOG:  (?:statement|execute [^:]*): "
    r"(?P<sql>.*(?:\n\t.*)*)",
    re.M,
)
_CASE = re.compile(r"/\* case (\w+) \*/")


def program(orm: Orm, text: str) -> str:
    """The program, with the calls as they are shown to people in it."""

    def called(found: re.Match[str]) -> str:
        name = found["line"] or found["inline"]
        told = joined(orm, ROW) if name == "joined" else call(orm, Way(name), ROW)
        return textwrap.indent(told, found["indent"]) if found["line"] else told

    return _CALL.sub(called, text)


def ran(orm: Orm, folder: Path) -> dict[str, dict[str, Any]]:
    """What the package sent and told in each case. Builds and runs the program in ``folder``."""
    shutil.copytree(PROGRAMS / orm.name, folder, dirs_exist_ok=True)
    shutil.copy(PROGRAMS / SHARED[orm.language], folder)
    for path in folder.rglob("[Pp]rogram.*"):
        path.with_name(path.name.removesuffix(".txt")).write_text(program(orm, path.read_text()))
    if (folder / "schema.prisma").exists():
        after: Sequence[Sequence[str]] = (
            ("env", "PRISMA_SCHEMA_ENGINE_BINARY=/bin/true", "npx", "prisma", "generate"),
        )
    else:
        after = ()
    server = EmbeddedPostgres()
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(SCHEMA)
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("SELECT pg_reload_conf()")
        place = {"DATABASE_URL": server.url() + "?sslmode=disable" * (orm.language == "go")}
        environment = {**os.environ, **place, "NO_COLOR": "1"}
        for command in (*COMMANDS[orm.language], *after):
            subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr, check=True)
        done = subprocess.run(
            RUN[orm.language],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
            check=True,
        )
        log = server.log
    finally:
        server.stop()
    said = dict(json.loads(line).values() for line in done.stdout.splitlines() if line[:1] == "{")
    sent = _logged(log)
    return {name: {"sent": sent[name], "told": said[name]} for name in said if name != "end"}


def _logged(log: str) -> dict[str, list[str]]:
    """The statements of each case, in the words in which they came."""
    found: dict[str, list[str]] = {}
    name = ""
    for one in _LOGGED.finditer(log):
        sql = one["sql"].replace("\n\t", "\n")
        if (marked := _CASE.search(sql)) is not None:
            name = marked[1]
            found[name] = []
        elif name:
            found[name].append(sql)
    return found


def told(kept: Mapping[str, Any]) -> str:
    """The tables of the page, and a section for each library."""
    return "\n".join(
        [
            _table(_LOCKS, kept),
            "",
            _table(_WRITES, kept),
            "",
            *(line for name in kept for line in _section(ORMS[name])),
        ]
    )


def page(text: str, kept: Mapping[str, Any]) -> str:
    """The whole page, with these tables in the place of those that it has."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{told(kept)}\n{END}{rest.partition(END)[2]}"


def _table(columns: Mapping[str, Callable[[Orm, Any], str]], kept: Mapping[str, Any]) -> str:
    lines = [f"| {' | '.join(['library', *columns])} |", "|---" * (len(columns) + 1) + "|"]
    for name, one in kept.items():
        orm = ORMS[name]
        cells = [f"[{orm.title}](#{orm.title.lower()}) {one['version']}"]
        cells += [cell(orm, one["cases"]) for cell in columns.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _code(text: str) -> str:
    return f"`{' '.join(text.split())}`" if text else ""


def statements(case: Mapping[str, Any]) -> list[str]:
    """The statements about orders among those that were sent."""
    return [one for one in case["sent"] if re.search(r"\borders\b", one)]


def _sent(orm: Orm, cases: Any) -> str:
    return _code(statements(cases["lock"])[0])


def _outside(orm: Orm, cases: Any) -> str:
    case = cases["outside"]
    if case["told"]:
        return f"refused: {_code(case['told'].removeprefix('raises '))}"
    if any(LOCKS.search(one) for one in case["sent"]):
        return "sent all the same: **released at once**"
    return "no lock is sent"


def _joined(orm: Orm, cases: Any) -> str:
    if "join" not in cases:
        return "raw SQL"
    first = cases["join"]
    of = _code(joined(orm, ROW))
    if "join_of" in cases and first["told"]:
        return f"refused by Postgres; {of} locks the one table"
    if first["told"]:
        return "refused by Postgres; write the lock without the join"
    sent = [one for one in statements(first) if LOCKS.search(one)]
    if len(statements(first)) > 1:
        return f"read first, locked after that: {_code(sent[-1])}"
    return f"locks the one table: {_code(LOCKS.search(sent[-1])[0])}"  # type: ignore[index]


def _refreshed(orm: Orm, cases: Any) -> str:
    if "refreshed" not in cases:
        return "there are none"
    case = cases["refreshed"]["told"]
    if case == "loaded: paid, answered: paid":
        return "yes"
    if case == "loaded: unpaid, answered: paid":
        return "no; what the lock answers is new"
    return "**no, and what the lock answers is the old one**"


def _conditional(orm: Orm, cases: Any) -> str:
    return _code(statements(cases["conditional"])[0])


def _stale(orm: Orm, cases: Any) -> str:
    if "stale" not in cases:
        return "there are none"
    case = cases["stale_flush"] if "stale_flush" in cases else cases["stale"]
    last = [one for one in statements(case) if one.lower().startswith("update")][-1]
    if case["told"].startswith("not refused"):
        return f"**not refused**: {_code(last)}"
    return f"`{case['told'].removeprefix('raises ').partition(':')[0]}`: {_code(last)}"


def _bulk(orm: Orm, cases: Any) -> str:
    if "bulk" not in cases:
        return "as you write it"
    return "counts on" if cases["bulk"]["told"] == "version 2" else "**stays as it is**"


_LOCKS: Mapping[str, Callable[[Orm, Any], str]] = {
    "a lock is sent as": _sent,
    "outside a transaction": _outside,
    "with a left join": _joined,
    "is a loaded entity refreshed": _refreshed,
}
_WRITES: Mapping[str, Callable[[Orm, Any], str]] = {
    "a conditional update is sent as": _conditional,
    "a stale entity is saved": _stale,
    "the version after a bulk update": _bulk,
}
LOCKS = re.compile(r"for (?:no key )?update(?: of \S+)?", re.I)


def _section(orm: Orm) -> Iterator[str]:
    yield f"### {orm.title}"
    yield ""
    yield f'`orm = "{orm.name}"`'
    yield ""
    for way in Way:
        yield f"```{orm.language}"
        yield from call(orm, way, ROW).replace("\t", "    ").splitlines()
        yield "```"
        yield ""


def main(names: list[str]) -> None:
    kept = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    for name in names or list(ORMS):
        with tempfile.TemporaryDirectory() as folder:
            cases = ran(ORMS[name], Path(folder))
        kept[name] = {"version": ORMS[name].version, "date": today, "cases": cases}
        kept = {one: kept[one] for one in ORMS if one in kept}
        SEEN.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(PAGE.read_text(), kept))


if __name__ == "__main__":
    main(sys.argv[1:])
