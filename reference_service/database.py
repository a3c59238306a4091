"""The engine, and what PostgreSQL's error codes mean to a guard."""

from __future__ import annotations

import enum
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from paidonce.reference_service import spent
from paidonce.reference_service.settings import Settings

_CONNECT_TIMEOUT_S = 5


class Trouble(enum.Enum):
    """Why a statement failed, as far as the flow acts on it.

    The codes are from "PostgreSQL Error Codes", appendix A of the PostgreSQL manual.
    """

    CONTENDED = enum.auto()
    """55P03 lock_not_available: somebody else holds the lock, for longer than we wait."""
    LOST = enum.auto()
    """40001 serialization_failure or 40P01 deadlock_detected: rolled back, may be tried again."""
    TAKEN = enum.auto()
    """23505 unique_violation: somebody else's row is there."""
    NO_PARENT = enum.auto()
    """23503 foreign_key_violation: the order does not exist."""
    GONE = enum.auto()
    """The connection was lost, or none could be had."""
    OTHER = enum.auto()


_CODES = {
    "55P03": Trouble.CONTENDED,
    "40001": Trouble.LOST,
    "40P01": Trouble.LOST,
    "23505": Trouble.TAKEN,
    "23503": Trouble.NO_PARENT,
}


def trouble(error: DBAPIError) -> Trouble:
    """Classify an error of the driver."""
    code = getattr(error.orig, "sqlstate", None) or ""
    if code in _CODES:
        return _CODES[code]
    # Class 08 is connection exceptions, 57P01 to 57P03 a server that stops or starts, 53300
    # one with too many clients.
    if code.startswith(("08", "57P0", "53")) or error.connection_invalidated:
        return Trouble.GONE
    if not code and isinstance(error.orig, psycopg.OperationalError):
        return Trouble.GONE
    return Trouble.OTHER


def make_engine(settings: Settings) -> Engine:
    """A pool of ``db_pool_size`` connections, and one more for the recovery.

    ``lock_timeout`` is set once for each session, when it starts, so that no statement of any
    guard waits for a lock longer than that, and no transaction pays a round trip for it.
    """
    engine = create_engine(
        sqlalchemy_url(settings.database_url),
        pool_size=settings.db_pool_size,
        max_overflow=1,
        pool_timeout=30,
        use_native_hstore=False,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "options": f"-c lock_timeout={settings.lock_timeout_ms}",
            "application_name": "reference_service",
        },
    )
    if settings.server_timing:
        event.listen(engine, "do_connect", _connect_timed)
    return engine


class _Timed(psycopg.Connection[Any]):
    """A connection that counts how long it waits for the server: every round trip is a wait."""

    def wait(self, *args: Any, **named: Any) -> Any:
        with spent.on(spent.DATABASE):
            return super().wait(*args, **named)


def _connect_timed(_: Any, __: Any, args: list[Any], named: dict[str, Any]) -> _Timed:
    return _Timed.connect(*args, **named)


def sqlalchemy_url(url: str) -> str:
    """``postgresql://`` as users write it, with the driver named as SQLAlchemy wants it."""
    parts = urlsplit(url)
    return urlunsplit(
        ("postgresql+psycopg", parts.netloc, parts.path, urlencode(parse_qsl(parts.query)), "")
    )


def ping(engine: Engine) -> None:
    """Raise ``DBAPIError`` unless the database answers and has our tables."""
    with engine.connect() as connection:
        connection.execute(text("SELECT FROM orders LIMIT 0"))
