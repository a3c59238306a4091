"""Making and dropping databases, the same for every way of getting a PostgreSQL server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg import errors, sql

from paidonce.harness.errors import DeadlineExceeded, Unavailable, UsageError
from paidonce.harness.masking import without_password_of, word_without_credentials

TEMPLATE_SECONDS = 60.0
"""How long ``create_database`` goes on trying while sessions are connected to the template."""
CONNECT_SECONDS = 20
_NAME_LIMIT = 63


def with_database(url: str, database: str) -> str:
    """The same server and parameters, another database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path="/" + quote(database, safe="")))


def with_user(url: str, user: str) -> str:
    """The same for another user, by the same password; as it is without one."""
    if not user:
        return url
    parts = urlsplit(url)
    password = f":{parts.password}" if parts.password else ""
    _, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}{password}@{place}"))


def connect(url: str, *, seconds: int | None = None) -> psycopg.Connection[tuple[object, ...]]:
    """A connection in autocommit mode. Raises ``psycopg.OperationalError``."""
    return psycopg.connect(url, autocommit=True, connect_timeout=seconds or CONNECT_SECONDS)


Strategy = Literal["file_copy", "wal_log"]
"""How the server copies a template (CREATE DATABASE in the PostgreSQL manual, since 15)."""


def create_database(
    url: str, name: str, template: str | None, strategy: Strategy | None = None
) -> None:
    """``CREATE DATABASE name [TEMPLATE template] [STRATEGY strategy]`` on the server of ``url``.

    Without a ``strategy`` the server's own default is used. A template must have no sessions;
    the server itself waits five seconds for that and then answers ``object_in_use`` (SQLSTATE
    55006), upon which it is asked again until ``TEMPLATE_SECONDS`` have passed.

    Raises ``UsageError`` (name taken or too long, no such template, not permitted),
    ``DeadlineExceeded`` (template in use) and ``Unavailable`` (server does not answer).
    """
    _check_name(name)
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    if strategy is not None:
        statement += sql.SQL(" STRATEGY {}").format(sql.SQL(strategy))
    deadline = time.monotonic() + TEMPLATE_SECONDS
    try:
        with connect(url) as connection:
            while True:
                try:
                    connection.execute(statement)
                    return
                except errors.ObjectInUse as error:
                    if time.monotonic() > deadline:
                        detail = error.diag.message_detail or str(error)
                        what = f"sessions to leave template database {template} ({detail})"
                        raise DeadlineExceeded(what, TEMPLATE_SECONDS) from None
    except errors.DuplicateDatabase:
        raise UsageError(f"database {name} exists already; choose another name") from None
    except errors.InvalidCatalogName:
        raise UsageError(f"template database {template} does not exist") from None
    except errors.InsufficientPrivilege as error:
        raise UsageError(
            f"database {name} cannot be created: {error.diag.message_primary}; "
            "the Postgres user needs the CREATEDB attribute"
        ) from None
    except psycopg.OperationalError as error:
        raise lost(error) from None


def make_user(url: str, user: str, *, ours: bool) -> None:
    """Have a user who may do anything on a server of ``ours``; elsewhere it has to be there.

    Raises ``UsageError`` where it is not, and ``Unavailable``.
    """
    try:
        with connect(url) as connection:
            there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (user,))
            if there.fetchone() is not None:
                return
            if not ours:
                raise UsageError(
                    f"[database], user: there is no user {user!r} on the Postgres that was given; "
                    "make it, or let the service be told {postgres_user}"
                )
            password = unquote(urlsplit(url).password or "")
            statement = sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(sql.Identifier(user))
            if password:
                statement += sql.SQL(" PASSWORD {}").format(sql.Literal(password))
            connection.execute(statement)
    except psycopg.OperationalError as error:
        raise lost(error) from None


def drop_database(url: str, name: str) -> None:
    """``DROP DATABASE IF EXISTS name WITH (FORCE)``. Raises ``Unavailable``."""
    try:
        with connect(url) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
    except psycopg.OperationalError as error:
        raise lost(error) from None


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of a server about itself and about the user that asks."""

    version: str
    major: int
    user: str
    may_create: bool


def examine(url: str) -> Examined:
    """Connect once and ask.

    Raises ``UsageError`` when the server answers but refuses, ``Unavailable`` when nothing does.
    """
    shown = word_without_credentials(url)
    try:
        with connect(url) as connection:
            row = connection.execute(
                "SELECT rolname, rolsuper OR rolcreatedb, pg_backend_pid() FROM pg_roles "
                "WHERE rolname = current_user"
            ).fetchone()
            refuse_pooler(url, connection.info.backend_pid, row[2:] if row else None)
            number = connection.info.server_version
            version = connection.info.parameter_status("server_version") or str(number)
    except psycopg.OperationalError as error:
        # An error with an SQLSTATE came from the server: it is there, and says no.
        said = without_password_of(url, " ".join(str(error).split()))
        if error.sqlstate is not None or "FATAL:" in said:
            raise UsageError(
                f"Postgres URL {shown!r}: the server refuses the connection ({said})"
            ) from None
        remedy = "Start the server, correct the URL, or use the backend 'embedded'"
        problem = f"nothing answers at {shown} ({said})"
        raise Unavailable("postgres", problem, remedy) from None
    except psycopg.Error as error:
        said = without_password_of(url, " ".join(str(error).split()))
        raise UsageError(f"Postgres URL {shown!r}: {said}") from None
    assert row is not None
    return Examined(
        version=version.split()[0],
        major=number // 10000,
        user=str(row[0]),
        may_create=bool(row[1]),
    )


def refuse_pooler(url: str, told: int, row: Sequence[object] | None) -> None:
    """Raises ``UsageError`` where a pooler answers in Postgres's place.

    ``told`` is the process id we were told on connecting, ``row`` holds that of the session that
    works for us; a pooler tells one of its own. Who waits for a lock is asked by that id, and a
    database cannot be copied while a pooler keeps sessions in it.
    """
    if row is None or row[0] != told:
        raise UsageError(
            f"Postgres URL {word_without_credentials(url)!r} leads to a connection pooler; give "
            "the server's own address (a pooler may stand between a service and its tap)"
        )


def lost(error: psycopg.Error) -> Unavailable:
    """Return the error for a server that answered before and does not now."""
    problem = f"the server does not answer ({' '.join(str(error).split())})"
    return Unavailable("postgres", problem, "See whether it is still running")


def _check_name(name: str) -> None:
    if not name or len(name.encode()) > _NAME_LIMIT or "\0" in name:
        raise UsageError(f"database name {name!r}: expected 1 to {_NAME_LIMIT} bytes")
