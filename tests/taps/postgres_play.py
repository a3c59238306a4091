"""A Postgres tap on a thread of its own, for clients that block, and a gate to hold units with."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from paidonce.harness.history import Effect, Header, Journal, read_history
from paidonce.harness.taps.faults import AtTap
from paidonce.harness.taps.postgres import PostgresTap

DEADLINE_S = 120


class ThreadedTap:
    """Runs a tap in an event loop on a thread, so that the test may use blocking clients."""

    def __init__(self, url: str, run=asyncio.run) -> None:
        self._url = url
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: run(self._main()))

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with PostgresTap(self._url) as tap:
            self.tap = tap
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> ThreadedTap:
        self._thread.start()
        assert self._ready.wait(DEADLINE_S)
        self.url = self.tap.url_for(self._url)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the tap did not close"


@contextlib.contextmanager
def recorded(tap: PostgresTap, path) -> Iterator[list[Effect]]:
    """Bind the tap to a journal; the list has its effects once the block is left."""
    effects: list[Effect] = []
    with Journal(path, Header(run="r", scenario="s", target="t")) as journal:
        tap.bind(journal, tap.gate)
        yield effects
        tap.bind(None, None)
    effects += [effect for _, effect in read_history(path).of(Effect)]


def _never(session, statements) -> bool:
    return False


class Gatekeeper:
    """Holds requests or answers whose label matches, until they are let go by name."""

    def __init__(self, *, requests: str = "", answers: str = "") -> None:
        self._sides = {"request": requests, "answer": answers}
        self._changed = asyncio.Condition()
        self.held: dict[tuple[str, str], tuple[object, asyncio.Event]] = {}
        self.seen: list[tuple[str, str]] = []
        self.at_request: AtTap | None = None
        self.at_answer: AtTap | None = None

    async def request(self, call, connection) -> AtTap | None:
        await self._hold("request", call)
        return self.at_request

    async def answer(self, call, connection) -> AtTap | None:
        await self._hold("answer", call)
        return self.at_answer

    commits_apart = staticmethod(_never)
    """Which statements are committed in a unit of their own, and which are checked before."""
    checks_first = staticmethod(_never)

    async def _hold(self, side, call) -> None:
        self.seen.append((side, call.label))
        if not self._sides[side] or not call.label.startswith(self._sides[side]):
            return
        go = asyncio.Event()
        self.held[side, call.label] = (call, go)
        async with self._changed:
            self._changed.notify_all()
        await go.wait()

    async def wait(self, side: str, label: str):
        """The call that is held there, once it is."""
        async with self._changed:
            await asyncio.wait_for(
                self._changed.wait_for(lambda: (side, label) in self.held), DEADLINE_S
            )
        return self.held[side, label][0]

    def let_go(self, side: str, label: str) -> None:
        self.held.pop((side, label))[1].set()
