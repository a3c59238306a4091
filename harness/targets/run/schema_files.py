"""Runs the schema files of a target: SQL as it is, and files for psql, such as ``pg_dump`` writes.

A dump has lines that are for psql (``\\restrict``), rows after ``COPY ... FROM stdin``, and objects
of roles that it does not make (pg_dump and psql in the PostgreSQL manual).
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from paidonce.harness.backends import wheels
from paidonce.harness.errors import UsageError
from paidonce.harness.process.child import Child
from paidonce.harness.process.threads import go_on
from paidonce.harness.service.launch import Addresses
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.placeholders import filled

_FOR_PSQL = re.compile(rb"^\\|^\s*COPY\s[^;]*\sFROM\s+stdin\b", re.IGNORECASE | re.MULTILINE)
_ELSEWHERE = re.compile(rb"^\\c(onnect)?\s", re.MULTILINE)
_READS_MORE = re.compile(rb"^\\(?!restrict|unrestrict|\.|echo|timing|pset)", re.MULTILINE)
_NAME = r'("(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_OWNERS = re.compile(
    rf"(?:^|;)\s*(?:ALTER\b[^;]*?\bOWNER\s+TO\s+{_NAME}"
    rf"|(?:GRANT|REVOKE)\b[^;]*?\b(?:TO|FROM)\s+{_NAME}(?=\s*;)"
    rf"|ALTER\s+DEFAULT\s+PRIVILEGES\s+FOR\s+ROLE\s+{_NAME})",
    re.IGNORECASE | re.MULTILINE,
)
_MADE = re.compile(rf"\bCREATE\s+(?:ROLE|USER|GROUP)\s+{_NAME}", re.IGNORECASE)
_NO_ROLES = {"public", "current_user", "session_user", "current_role"}


def schema_paths(loaded: Loaded, variant: str) -> Iterator[Path]:
    """Return the schema files of a variant, in order."""
    for number, name in enumerate(loaded.file.database.schema, start=1):
        where = f"{loaded.path}, [database], schema, item {number}"
        yield loaded.folder / filled(name, {"variant": variant, "dir": loaded.folder}, where)


def reads_more(path: Path) -> bool:
    r"""Tell whether a schema file has psql read other files or run programs (``\i``, ``\!``)."""
    return _READS_MORE.search(path.read_bytes()) is not None


def run_schema(
    path: Path, addresses: Addresses, seconds: float, called_off: threading.Event | None
) -> None:
    """Run a schema file against an empty database.

    On a server of ours, roles that own what it makes, and that it does not make, are made before.
    Raises ``UsageError`` where it cannot be read or is not accepted, ``Unavailable`` where it is
    for psql and there is none, ``DeadlineExceeded`` and ``CalledOff``.
    """
    try:
        content = path.read_bytes()
        _refuse(path, content)
        with psycopg.connect(addresses.postgres_url, autocommit=True) as connection:
            if addresses.postgres_is_ours:
                _make_roles(connection, content.decode(errors="replace"))
            if _FOR_PSQL.search(content) is None:
                connection.execute(content)
                return
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except psycopg.Error as error:
        raise UsageError(f"{path}: Postgres does not accept it: {error}") from None
    parts = urlsplit(addresses.postgres_url)
    user, at, host = parts.netloc.rpartition("@")
    env = {**os.environ, "PGCONNECT_TIMEOUT": "20"}
    if parts.password:
        env["PGPASSWORD"] = unquote(parts.password)
        user = user.partition(":")[0]
    url = urlunsplit(parts._replace(netloc=f"{user}{at}{host}"))
    argv: list[str | Path] = [
        wheels.postgres_tool("psql"),
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-o",
        os.devnull,
    ]
    with Child(f"psql {path}", [*argv, "-d", url, "-f", path], cwd=path.parent, env=env) as psql:
        if psql.wait(seconds, lambda: go_on(called_off, "the database")) != 0:
            said = psql.tail().replace(f"psql:{path}:", "line ")
            raise UsageError(f"{path}: Postgres does not accept it: {said}")


def _refuse(path: Path, content: bytes) -> None:
    if content.startswith(b"PGDMP"):
        raise UsageError(f"{path}: expected SQL, got an archive of pg_dump; use --format=plain")
    if _ELSEWHERE.search(content):
        raise UsageError(
            f"{path}: it goes on in another database (\\connect), and ours would stay empty; with "
            "pg_dump, leave --create out"
        )


def _make_roles(connection: psycopg.Connection[tuple[object, ...]], text: str) -> None:
    there = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    made = {_role(match) for match in _MADE.finditer(text)}
    for name in sorted({_role(match) for match in _OWNERS.finditer(text)} - made - _NO_ROLES):
        if name not in there:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))


def _role(found: re.Match[str]) -> str:
    """The name that was found, as the server folds it (manual, 4.1.1)."""
    name = next(group for group in found.groups() if group is not None)
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
