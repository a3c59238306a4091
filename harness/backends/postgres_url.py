"""A PostgreSQL server of the user's own: checked, used, and never stopped."""

from __future__ import annotations

import contextlib

from paidonce.harness.backends import postgres_admin, urls
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.errors import UsageError
from paidonce.harness.masking import word_without_credentials

MINIMUM_VERSION = 13
"""Oldest major version supported; ``DROP DATABASE ... WITH (FORCE)`` came with it."""


class UrlPostgres(Stoppable):
    """The server behind a ``postgresql://`` URL; constructing it connects once.

    ``stop`` drops the databases that were created through this object and nothing else; none
    where the server is one of ours and ``thrown_away`` after that.
    Raises ``UsageError`` (malformed URL, wrong password, too old, CREATEDB missing) or
    ``Unavailable`` (nothing answers).
    """

    kind = "url"

    def __init__(self, url: str, *, thrown_away: bool = False) -> None:
        # postgresql:///name?host=/socket/folder is a valid URL without a host.
        parts = urls.parse(url, "Postgres", ("postgresql", "postgres"), host_needed=False)
        if not parts.hostname and "host=" not in parts.query:
            raise UsageError(f"Postgres URL {word_without_credentials(url)!r} names no host")
        self._url = url
        self._thrown_away = thrown_away
        self._created: set[str] = set()
        found = postgres_admin.examine(url)
        if found.major < MINIMUM_VERSION:
            raise UsageError(
                f"Postgres URL {word_without_credentials(url)!r}: server version {found.version}; "
                f"expected {MINIMUM_VERSION} or newer"
            )
        if not found.may_create:
            raise UsageError(
                f"Postgres URL {word_without_credentials(url)!r}: user {found.user} may not create "
                f"databases; run ALTER ROLE {found.user} CREATEDB, or give another user"
            )
        self.version = found.version

    def url(self, database: str | None = None) -> str:
        """The URL of a database; without one, of the database the user named."""
        return self._url if database is None else postgres_admin.with_database(self._url, database)

    def near_url(self, database: str) -> str:
        """See ``PostgresServer.near_url``: the user's own, for nobody knows of another way."""
        return self.url(database)

    def create_database(self, name: str, template: str | None = None) -> str:
        """See ``PostgresServer.create_database``."""
        postgres_admin.create_database(self._url, name, template)
        self._created.add(name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """See ``PostgresServer.drop_database``. Raises ``UsageError`` for one it did not create."""
        if name not in self._created:
            raise UsageError(f"database {name} was not created by this run; it is not ours to drop")
        postgres_admin.drop_database(self._url, name)
        self._created.discard(name)

    def stop(self) -> None:
        """Drop the databases created here; the server goes on."""
        if self._thrown_away:
            return
        for name in tuple(self._created):
            with contextlib.suppress(Exception):  # one that is gone must not keep the others
                self.drop_database(name)
