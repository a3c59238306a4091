"""PostgreSQL in a container, for those who want the image their production uses."""

from __future__ import annotations

from typing import Literal

import psycopg

from paidonce.harness.backends import postgres_admin
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.containers import Container
from paidonce.harness.process.ports import HOST

IMAGE = "postgres:18.1-alpine"
START_SECONDS = 120.0
_COMMAND = (
    "postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300"
)


class ContainerPostgres(Stoppable):
    """A throw-away PostgreSQL container; constructing it starts it.

    Raises ``Unavailable`` (no Docker engine, no image) or ``DeadlineExceeded``.
    """

    kind = "container"

    def __init__(self, image: str = IMAGE) -> None:
        self._container = Container(
            image, 5432, environment={"POSTGRES_HOST_AUTH_METHOD": "trust"}, command=_COMMAND
        )
        try:
            self._container.wait_for("accept connections", self._connects, START_SECONDS)
            self.version = self._container.named(postgres_admin.examine(self.url()).version)
        except BaseException:
            self.stop()
            raise

    def url(self, database: str = "postgres") -> str:
        """Its URL over TCP."""
        server = f"postgresql://postgres@{HOST}:{self._container.port}/"
        return postgres_admin.with_database(server, database)

    def near_url(self, database: str) -> str:
        """See ``PostgresServer.near_url``."""
        return self.url(database)

    def create_database(self, name: str, template: str | None = None) -> str:
        """See ``PostgresServer.create_database``."""
        postgres_admin.create_database(self.url(), name, template, "file_copy")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """See ``PostgresServer.drop_database``."""
        postgres_admin.drop_database(self.url(), name)

    def stop(self) -> None:
        """Remove the container; idempotent."""
        self._container.stop()

    def _connects(self) -> Literal[True] | None:
        # The image starts a first server for its set-up scripts, on its Unix socket only: a
        # connection over TCP is one to the real server.
        try:
            postgres_admin.connect(self.url(), seconds=2).close()
        except psycopg.OperationalError:
            return None
        return True
