"""A server of Postgres and a service that begin before whoever needs them is imported.

To import all that a search needs takes a second processor's half a second, which one alone would
spend before anything starts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from paidonce.harness.backends import open_postgres
from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.service.description import Target
from paidonce.harness.service.launch import load_ahead
from paidonce.harness.service.running import LoadedService


@dataclass(frozen=True)
class Begun:
    """An embedded server that starts, and a service that loads; for ``open_stack``."""

    starting: Future[PostgresServer]
    loaded: LoadedService

    def postgres(self) -> PostgresServer:
        """Wait until the server has started. Raises ``Unavailable``."""
        return self.starting.result()


@contextlib.contextmanager
def begun(service: Target, variant: str) -> Iterator[Begun]:
    """Begin a server, and ``service`` where it can be loaded ahead; both are stopped on the way
    out, by whoever used them at the latest."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        one = Begun(thread.submit(open_postgres, "embedded"), LoadedService())
        try:
            load_ahead(service, variant, one.loaded)
            yield one
        finally:
            one.loaded.stop()
            # A failure to start is told to who waits for the server.
            with contextlib.suppress(Exception):
                one.postgres().stop()
