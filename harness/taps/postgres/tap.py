"""The Postgres tap: moves bytes between clients and the server, and asks the gate.

Without a gate bytes pass as they come, and are read in passing. With one, a session's units go
one by one: each to the server when the gate lets its request go, each answer to the client when
the gate lets that go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.changes import StatementChange
from paidonce.harness.taps.postgres.address import Address, address_of, redirected
from paidonce.harness.taps.postgres.changing import Changing
from paidonce.harness.taps.postgres.connection import Link, Links
from paidonce.harness.taps.postgres.errors import FAULTS
from paidonce.harness.taps.postgres.session import Session

_KEPT_ROWS = 3


class PostgresTap(Links):
    """Listens on a loopback port of its own and forwards to the server of ``upstream_url``.

    ``sample`` is how many rows of each answer are kept as text, for the timelines of reports.
    Where ``socket_folder`` is given, a Unix socket there is listened on as well. ``changes`` are
    made to what clients send; where it ``reads`` as if there were some, all that passes costs the
    same with them and without. Raises ``UsageError`` where the URL names no server.
    """

    name = "postgres"
    faults = FAULTS

    def __init__(
        self,
        upstream_url: str,
        *,
        sample: int = _KEPT_ROWS,
        socket_folder: Path | None = None,
        port: int = 0,
        changes: Iterable[StatementChange] = (),
        reads: bool = False,
    ) -> None:
        super().__init__(port)
        self._socket_folder = socket_folder
        self._upstream = address_of(upstream_url)
        self._sample = sample
        changing = Changing(changes)
        self.changing = changing if changing or reads else None

    def url_for(self, database_url: str) -> str:
        """The same libpq URL with the tap in the place of the server."""
        return redirected(database_url, Address(HOST, self.port))

    def socket_url_for(self, database_url: str) -> str:
        """The same libpq URL with the tap's Unix socket in the place of the server."""
        assert self._socket_folder is not None, "the tap was given no folder for a socket"
        return redirected(database_url, Address(str(self._socket_folder), self.port))

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._socket_folder is not None:
            path = Address(str(self._socket_folder), self.port).socket
            loop = asyncio.get_running_loop()
            self._listeners.append(await loop.create_unix_server(self.accept, path))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        socket = None
        if self._socket_folder is not None:
            socket = Address(str(self._socket_folder), self.port).socket
        await super().__aexit__(kind, error, trace)
        if socket is not None:
            _remove(socket)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Sessions the server has let in and that are open, in the order they came."""
        for link in self._links.values():
            link.catch_up()
        return tuple(link.session for link in self._links.values() if link.session.started)

    @property
    def connecting(self) -> bool:
        """Return whether a client waits to be let in by the server."""
        return any(not link.session.started for link in self._links.values())

    @property
    def between_transactions(self) -> bool:
        """Return whether no session is in a transaction, or about to begin one."""
        return all(
            link.at_rest() and link.session.status == "I"
            for link in self._links.values()
            if link.session.started
        )

    def new_link(self, number: int) -> Link:
        return Link(self, Session(number, self.next_seq, sample=self._sample, tap=self.name))

    async def connect_upstream(self, factory: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        if self._upstream.socket is not None:
            await loop.create_unix_connection(factory, self._upstream.socket)
        else:
            await loop.create_connection(factory, self._upstream.host, self._upstream.port)


class ReplicaTap(PostgresTap):
    """Listens before a replica of the service's Postgres, from which it reads."""

    name = "replica"


def _remove(path: str) -> None:
    # Python itself removes it since 3.13, uvloop never does.
    Path(path).unlink(missing_ok=True)
