"""The database as it was before the attempts: its schema, and the rows the statements can touch.

The schema is what ``pg_dump`` says of the live database, so it is true whatever made it: the
migrations of any framework, triggers and functions included. Rows are those of the tables that a
statement (or a function of the database) names, and of the tables these refer to.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from paidonce.harness.backends.wheels import postgres_tool
from paidonce.harness.errors import DeadlineExceeded, Unavailable
from paidonce.harness.explore.witness.narrative.sqltext import without_braces

DUMP_SECONDS = 60.0
_PLAIN = ("--no-owner", "--no-privileges", "--no-comments", "--no-tablespaces", "--no-sync")
_ENTRY = re.compile(r"(?:\n*^--\n-- (?:Data for )?Name: .*\n--\n+)+", re.MULTILINE)
# What pg_dump sets for psql and for itself before the first entry and between entries.
_SETTING = re.compile(r"^(?:SET default_\w+ = .*;|\\(?:un)?restrict \w+)\n", re.MULTILINE)
_END = re.compile(r"\n*^--\n-- PostgreSQL database dump complete\n--\n[\s\S]*\Z", re.MULTILINE)
_DROPS = re.compile(r"^SET row_security = off;\n([\s\S]*?)^--\n-- ", re.MULTILINE)

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2
"""
_REFERENCES = """
SELECT n.nspname, c.relname, fn.nspname, f.relname FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
WHERE k.contype = 'f'
"""
_FUNCTIONS = """
SELECT coalesce(p.prosrc, '') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""


class TableName(msgspec.Struct, frozen=True, order=True):
    """A table by its schema and name."""

    schema: str
    name: str

    @property
    def quoted(self) -> str:
        """As SQL writes it."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, self.name))


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A database as SQL that makes it (``setup``) and takes it away again (``teardown``).

    Neither holds a closing brace. ``touched`` are the tables the statements name; ``left_out``
    those whose rows are not part of it.
    """

    setup: str
    teardown: str
    touched: tuple[TableName, ...] = ()
    left_out: tuple[TableName, ...] = ()


def take_snapshot(url: str, statements: Sequence[str]) -> Snapshot:
    """Return what is in the database of ``url``, as far as ``statements`` can touch it.

    Raises ``Unavailable`` when pg_dump is missing or refuses (a newer server, no permission) and
    ``DeadlineExceeded`` after ``DUMP_SECONDS``.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        tables = [TableName(*row) for row in connection.execute(_TABLES).fetchall()]
        rows = connection.execute(_REFERENCES).fetchall()
        references = [(TableName(row[0], row[1]), TableName(row[2], row[3])) for row in rows]
        bodies = [row[0] for row in connection.execute(_FUNCTIONS).fetchall()]
    touched = named_in(tables, statements)
    kept = closed({*touched, *named_in(tables, bodies)}, references)
    left_out = tuple(table for table in tables if table not in kept)
    without = [f"--exclude-table-data={table.quoted}" for table in left_out]
    return Snapshot(
        setup=without_braces(setup_of(_dump(url, "--column-inserts", *without))),
        teardown=without_braces(teardown_of(_dump(url, "--schema-only", "--clean"))),
        touched=touched,
        left_out=left_out,
    )


def named_in(tables: Iterable[TableName], texts: Sequence[str]) -> tuple[TableName, ...]:
    """The tables whose name is a word of some text: too many perhaps, never too few."""
    everything = "\n".join(texts).lower()
    return tuple(
        table
        for table in tables
        if re.search(rf"(?<![\w$]){re.escape(table.name.lower())}(?![\w$])", everything)
    )


def closed(
    tables: set[TableName], references: Sequence[tuple[TableName, TableName]]
) -> set[TableName]:
    """``tables`` and all they refer to, directly or not."""
    reached = set(tables)
    while more := {target for table, target in references if table in reached} - reached:
        reached |= more
    return reached


def setup_of(dump: str) -> str:
    """The statements of a pg_dump script that make things, without what it sets for itself."""
    started = _ENTRY.search(dump)
    if started is None:
        return ""
    body = _END.sub("", dump[started.start() :])
    body = _SETTING.sub("", _ENTRY.sub("\n\n", body)).strip()
    if re.search(r"^CREATE (?:FUNCTION|PROCEDURE)", body, re.MULTILINE):
        # Bodies may name what is made after them, as pg_dump knows.
        body = f"SET check_function_bodies = false;\n\n{body}"
    return body


def teardown_of(dump: str) -> str:
    """The statements by which a pg_dump script made with --clean drops things."""
    statements = _DROPS.search(dump)
    return "" if statements is None else _SETTING.sub("", statements.group(1)).strip()


def _dump(url: str, *options: str) -> str:
    """The output of pg_dump; the password goes by the environment, where nobody else sees it."""
    info = conninfo_to_dict(url)
    password = info.pop("password", None)
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    target = make_conninfo("", **{name: str(value) for name, value in info.items()})
    command = [str(postgres_tool("pg_dump")), *_PLAIN, *options, f"--dbname={target}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DUMP_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired:
        raise DeadlineExceeded("pg_dump to end", DUMP_SECONDS) from None
    if done.returncode != 0:
        raise Unavailable(
            "pg_dump",
            " ".join(done.stderr.split()) or f"ended with exit code {done.returncode}",
            "Choose a Postgres it can dump, such as the backend 'embedded'",
        )
    return done.stdout
