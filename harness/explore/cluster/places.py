"""A worker's side: the lanes it holds for a search, and the jobs that are run on them.

A lane is opened before the search, and when a job comes for which none is free. It is closed when
the search is over, and after a while without jobs: a coordinator that was killed says nothing.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.errors import PaidonceError
from paidonce.harness.process.garbage import seldom_collected

IDLE_S = 60.0

Opens = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens a lane; can be pickled."""
Job = Callable[[Any], Awaitable[Any]]
"""A job to be done with a lane; can be pickled, and so can its answer."""


@dataclass(frozen=True, slots=True)
class Posting:
    """The lanes of one search: ``key`` names it among all, ``opens`` opens one of them."""

    key: str
    opens: Opens
    idle: float = IDLE_S
    """Seconds without a job after which its lanes are closed."""


@dataclass(frozen=True, slots=True)
class LaneAnswer:
    """The result of a job on the worker that is process ``pid``: a value, or the error it
    raised."""

    pid: int
    value: Any = None
    raised: BaseException | None = None


async def ready(posting: Posting, dask_worker: Any) -> LaneAnswer:
    """Open a lane for each thread of this worker, which Dask names; how many there are then."""
    lanes = dask_worker.state.nthreads
    try:
        return LaneAnswer(os.getpid(), value=await _place(posting).ready(lanes))
    except Exception as error:
        return LaneAnswer(os.getpid(), raised=_sendable(error))


async def work(posting: Posting, job: Job) -> LaneAnswer:
    """Run ``job`` on a lane of this worker's, opened if need be."""
    try:
        return LaneAnswer(os.getpid(), value=await _place(posting).run(job))
    except Exception as error:
        return LaneAnswer(os.getpid(), raised=_sendable(error))


def _place(posting: Posting) -> _Place:
    return _PLACES.setdefault(posting.key, _Place(posting))


async def on_all(key: str, job: Job) -> list[LaneAnswer]:
    """Run ``job`` on every lane that this worker holds for ``key`` and nobody uses."""
    place = _PLACES.get(key)
    answers = []
    for lane in place.resting if place is not None else []:
        try:
            answers.append(LaneAnswer(os.getpid(), value=await job(lane)))
        except Exception as error:
            answers.append(LaneAnswer(os.getpid(), raised=_sendable(error)))
    return answers


async def leave(key: str) -> None:
    """Close the lanes held for ``key``; waits for those that are used."""
    place = _PLACES.pop(key, None)
    if place is not None:
        await place.close()


@dataclass(slots=True)
class _Held:
    """A lane, opened and closed by a task of its own."""

    lane: asyncio.Future[Any]
    enough: asyncio.Event
    task: asyncio.Task[None]


@dataclass(slots=True)
class _Place:
    posting: Posting
    _held: list[_Held] = field(default_factory=list)
    _free: list[_Held] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None

    @property
    def resting(self) -> list[Any]:
        return [held.lane.result() for held in self._free]

    async def ready(self, lanes: int) -> int:
        self._free += await asyncio.gather(*(self._open() for _ in range(lanes)))
        seldom_collected()
        self._rest()
        return len(self._held)

    async def run(self, job: Job) -> Any:
        self._busy()
        held = self._free.pop() if self._free else await self._open()
        try:
            return await job(held.lane.result())
        finally:
            self._free.append(held)
            self._rest()

    async def close(self) -> None:
        self._busy()
        for held in self._held:
            held.enough.set()
        await asyncio.gather(*(held.task for held in self._held), return_exceptions=True)
        self._held.clear()
        self._free.clear()

    async def _open(self) -> _Held:
        loop = asyncio.get_running_loop()
        lane: asyncio.Future[Any] = loop.create_future()
        enough = asyncio.Event()
        held = _Held(lane, enough, loop.create_task(_hold(self.posting.opens, lane, enough)))
        await lane
        self._held.append(held)
        return held

    def _busy(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rest(self) -> None:
        self._busy()
        if len(self._free) == len(self._held):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.posting.idle, self._given_up)

    def _given_up(self) -> None:
        _CLOSING.add(task := asyncio.ensure_future(leave(self.posting.key)))
        task.add_done_callback(_CLOSING.discard)


_PLACES: dict[str, _Place] = {}
"""By search: what this process holds. Jobs come one by one and share nothing else."""
_CLOSING: set[asyncio.Future[None]] = set()


async def _hold(opens: Opens, lane: asyncio.Future[Any], enough: asyncio.Event) -> None:
    try:
        async with opens() as opened:
            lane.set_result(opened)
            await enough.wait()
    except Exception as error:
        if lane.done():
            raise
        lane.set_exception(error)


def _sendable(error: Exception) -> Exception:
    """``error``, or its message where it would not arrive as it is."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        if isinstance(error, PaidonceError):
            return PaidonceError(str(error))
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
