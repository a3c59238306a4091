"""Taps between a client and a server that say anything: nothing is left, and nothing raised."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from damage import Said, conversations, damaged
from hypothesis import strategies as st
from trying import Tried, tried

from paidonce.harness.history import Event
from paidonce.harness.history.lines import encoded
from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.taps.redis import RedisTap
from paidonce.harness.taps.stripe.tap import StripeTap

TAPS: dict[str, Callable[[int], Any]] = {
    "postgres": lambda port: PostgresTap(f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable"),
    "redis": lambda port: RedisTap(f"redis://127.0.0.1:{port}/0"),
    "stripe": lambda port: StripeTap(f"http://127.0.0.1:{port}", metadata_key="order_id"),
}
WAYS = ("passed", "recorded", "held")
GONE_WITHIN_S = 20.0
_ARRIVES_S = 0.0003
"""What was sent is not acknowledged by what may say anything: it is given this time to arrive."""


class Memory:
    """A recorder that takes what can be written."""

    def __init__(self) -> None:
        self.events = 0
        self._clock = itertools.count()

    def now(self) -> int:
        return next(self._clock)

    def record(self, event: Event) -> None:
        encoded(event)
        self.events += 1


class LettingGo:
    """A gate that lets everything go."""

    async def request(self, _call: Any, _connection: Any) -> None:
        await asyncio.sleep(0)

    async def answer(self, _call: Any, _connection: Any) -> None:
        await asyncio.sleep(0)

    def queued(self, _call: Any, _connection: Any) -> None:
        pass

    def lost(self, _call: Any) -> None:
        pass

    @staticmethod
    def commits_apart(*_: Any) -> bool:
        return False

    checks_first = commits_apart


class Says:
    """A server that sends what it is told to on whatever connection is open."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.over = False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        if self.over:
            writer.close()
        with contextlib.suppress(ConnectionError):
            while await reader.read(65_536):
                pass
        writer.close()

    def close(self) -> None:
        self.over = True
        for writer in self.writers:
            writer.close()


async def carried(kind: str, said: list[Said], way: str) -> bool:
    """Have a tap carry it; whether anything was recorded. Raises what the tap let escape."""
    escaped: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
    server, memory = Says(), Memory()
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    async with TAPS[kind](listening.sockets[0].getsockname()[1]) as tap:
        if way != "passed":
            tap.bind(memory, LettingGo() if way == "held" else None)
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        reading = asyncio.ensure_future(_read_all(reader))
        for who, data in said:
            with contextlib.suppress(ConnectionError):
                if who == "client":
                    writer.write(data)
                    await writer.drain()
                elif server.writers:
                    server.writers[-1].write(data)
                    await server.writers[-1].drain()
            await asyncio.sleep(_ARRIVES_S)
        writer.close()
        server.close()
        async with asyncio.timeout(GONE_WITHIN_S):
            await reading
            while tap.sessions or tap.in_flight or getattr(tap, "connecting", False):
                await asyncio.sleep(0.001)
    listening.close()
    assert escaped == []
    return memory.events > 0


async def _read_all(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65_536):
            pass


def taken(kind: str, examples: int | None = None) -> Tried:
    def take(value: tuple[list[Said], str]) -> bool:
        return asyncio.run(carried(kind, *value))

    return tried(st.tuples(damaged(kind), st.sampled_from(WAYS)), take, examples)


@pytest.mark.parametrize("kind", TAPS)
def test_the_corpus_is_carried(kind: str) -> None:
    for said in conversations(kind):
        for way in WAYS:
            asyncio.run(carried(kind, said, way))


@pytest.mark.parametrize("kind", TAPS)
def test_a_tap_takes_anything(kind: str, count: Callable[[Tried], None]) -> None:
    counted = taken(kind, 15)
    count(counted)
    assert counted.understood > 0, "all of it is noise"


@pytest.mark.slow
@pytest.mark.parametrize("kind", TAPS)
def test_a_tap_takes_anything_for_long(kind: str, count: Callable[[Tried], None]) -> None:
    count(taken(kind))
