"""The Redis tap: moves bytes between clients and the server, and asks the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import unquote, urlsplit, urlunsplit

from paidonce.harness.errors import UsageError
from paidonce.harness.http.tls import context
from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.faults import ErrorAnswer, cannot
from paidonce.harness.taps.held import Carrier, HoldingTap
from paidonce.harness.taps.protocol_error import ProtocolError
from paidonce.harness.taps.redis.commands import RedisCommand
from paidonce.harness.taps.redis.errors import FAULTS, in_place_of
from paidonce.harness.taps.redis.requests import RequestReader
from paidonce.harness.taps.redis.resp import ReplyReader
from paidonce.harness.taps.redis.session import RedisSession

_DEFAULT_PORT = 6379
_EXPECTED = "expected redis://host:port/db, rediss://host:port/db or unix:///path"


class RedisTap(HoldingTap["RedisLink"]):
    """Listens on a loopback port of its own and forwards to the server of ``upstream_url``.

    Raises ``UsageError`` where the URL names no server.
    """

    name = "redis"
    faults = FAULTS

    def __init__(self, upstream_url: str, *, port: int = 0) -> None:
        super().__init__(port)
        self._parts = urlsplit(upstream_url)
        known = self._parts.scheme in ("redis", "rediss", "unix")
        named = self._parts.path if self._parts.scheme == "unix" else self._parts.hostname
        if not known or not named:
            raise UsageError(f"Redis URL with scheme {self._parts.scheme!r}: {_EXPECTED}")

    def url_for(self, url: str) -> str:
        """The same URL with the tap in the place of the server, unencrypted."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        if parts.scheme == "unix":
            numbers = [
                v for n, _, v in (p.partition("=") for p in parts.query.split("&")) if n == "db"
            ]
            parts = parts._replace(path=f"/{(numbers or ['0'])[0]}", query="")
        return urlunsplit(parts._replace(scheme="redis", netloc=f"{user}{at}{HOST}:{self.port}"))

    def new_link(self, number: int) -> RedisLink:
        return RedisLink(self, RedisSession(number, self.next_seq))

    async def connect_upstream(self, factory: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        if self._parts.scheme == "unix":
            await loop.create_unix_connection(factory, unquote(self._parts.path))
            return
        encrypted = context() if self._parts.scheme == "rediss" else None
        host, port = self._parts.hostname, self._parts.port or _DEFAULT_PORT
        assert host is not None, "checked when the tap was made"
        await loop.create_connection(factory, host, port, ssl=encrypted)


class RedisLink(Carrier[RedisCommand, RedisSession]):
    """Joins a client to the server. Commands are read in every mode: their bytes are few."""

    def __init__(self, tap: RedisTap, session: RedisSession) -> None:
        super().__init__(tap, session)
        self._tap = tap
        self._requests = RequestReader()
        self._replies = ReplyReader()
        self._no_server: str | None = None

    def from_client(self, data: bytes) -> None:
        if self._no_server is not None:
            self._refuse(self._no_server)
            return
        if self.session.streams:
            self.to_server(data)
            return
        if self.idle and not self._requests.pending and not self.session.commands:
            self.holds = self._tap.gate is not None
        try:
            # What passes is recorded before anybody can act on it, so a history has it in order.
            for request in self._requests.feed(data):
                command = self.session.sent(request)
                if command is not None:
                    self.arrived(command)
                elif self.holds:
                    self.pass_on(request.raw)
        except ProtocolError as error:
            self._refuse(f"Protocol error: the tap cannot follow: {error}")
            return
        if not self.holds:
            self.to_server(data)

    def from_server(self, data: bytes) -> None:
        if self.session.streams:
            self.to_client(data)
            return
        try:
            for heard in self._replies.feed(data):
                meaning = self.session.received(heard.reply)
                if self.holds:
                    self.collect(meaning.told or heard.raw, at_once=meaning.at_once)
                for command in meaning.done:
                    self.answered(command)
        except ProtocolError as error:
            if not self.session.streams:  # replication data are no replies
                self._refuse(f"Protocol error: the tap cannot follow: {error}")
                return
        if not self.holds:
            self.to_client(data)

    def fail(self, call: RedisCommand, error: str) -> None:
        instead = in_place_of(call.name, error)
        if instead is None:
            raise cannot(ErrorAnswer(error), call.label, "request")
        sent, call.refused = instead
        call.raw[:] = [sent]

    def failed(self, call: RedisCommand, error: str) -> bytes:
        raise cannot(ErrorAnswer(error), call.label, "answer")

    def unreachable(self, error: OSError) -> None:
        self._no_server = f"the tap cannot reach the server: {error.strerror or error}"

    def _refuse(self, text: str) -> None:
        self.to_client(f"-ERR {text}\r\n".encode())
        self.close()
