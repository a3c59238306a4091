"""The coordinator's side: jobs for lanes on Dask's workers, wherever those are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.errors import PaidonceError, Unavailable
from paidonce.harness.explore.cluster import places
from paidonce.harness.explore.cluster.places import Job, LaneAnswer, Opens, Posting
from paidonce.harness.explore.search.lane import Gone

CONNECT_S = 60.0
"""How long it is tried to reach a cluster, and how long for its first worker is waited."""
_LOOK_S = 1.0
_NOBODY_LOOKS = 10
"""After so many looks in a row that found no worker nobody is waited for any more."""


class LostTooOften(Exception):
    """Several workers were lost at the same job, which may be what ended them."""


def dask() -> Any:
    """The engine. Raises ``Unavailable`` where it is not installed."""
    try:
        import distributed
    except ImportError:
        raise Unavailable(
            "dask.distributed",
            "it is not installed, and spreads a search over processes and machines",
            "Install the extra: pip install 'paidonce[cluster]'",
        ) from None
    for name in ("distributed", "distributed.scheduler", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return distributed


@dataclass
class Crew:
    """Runs jobs on lanes that ``posting`` opens on the workers of ``client``'s cluster."""

    client: Any
    """``distributed.Client``"""
    posting: Posting
    lanes: int
    """How many jobs are worked on at a time: a lane for each thread of a worker."""
    pids: set[int] = field(default_factory=set)
    """Processes that have answered."""
    _known: set[str] = field(default_factory=set)
    _lost: set[str] = field(default_factory=set)

    async def run(self, job: Job) -> Any:
        """Have ``job`` done on some lane and return its result; on another lane if its worker is
        lost meanwhile.

        What it raises is raised. Raises ``Gone`` when no worker is left, ``LostTooOften``.
        """
        key = f"paidonce-{uuid.uuid4().hex}"
        future = self.client.submit(places.work, self.posting, job, key=key, pure=False)
        result = asyncio.ensure_future(_result(future))
        try:
            await self._wait_for(result)
        finally:
            await _stop_waiting(future, result)
        answer = result.result()
        self.pids.add(answer.pid)
        if answer.raised is not None:
            raise answer.raised
        return answer.value

    async def on_all(self, job: Job) -> list[Any]:
        """Return the results of ``job`` on each open lane, done one after the other in each
        worker."""
        found = await self.client.run(places.on_all, self.posting.key, job, on_error="return")
        answers = [one for each in found.values() if isinstance(each, list) for one in each]
        for answer in answers:
            if answer.raised is not None:
                raise answer.raised
        return [answer.value for answer in answers]

    @property
    def lost(self) -> int:
        """Return how many workers are no longer there that were once."""
        return len(self._lost)

    async def look(self) -> int:
        """See which workers are there; returns how many. Raises ``Gone`` without a scheduler."""
        try:
            async with asyncio.timeout(CONNECT_S):
                found = set((await self.client.scheduler.identity())["workers"])
        except (OSError, TimeoutError) as error:
            raise Gone(f"the cluster does not answer ({error})") from None
        self._lost |= self._known - found
        self._known |= found
        return len(found)

    async def _wait_for(self, result: asyncio.Future[LaneAnswer]) -> None:
        nobody = 0
        while not result.done():
            await asyncio.wait({result}, timeout=_LOOK_S)
            if not result.done():
                nobody = 0 if await self.look() else nobody + 1
                if nobody >= _NOBODY_LOOKS:
                    raise Gone("no worker is left")


async def _stop_waiting(future: Any, result: asyncio.Future[LaneAnswer]) -> None:
    """Let go of ``future``, which is not asked for any more if its ``result`` is not there.

    Whoever waits for the result is not cancelled: Dask's client fetches what several wait for in
    one of them (``Client._gather``), and all of them would be.
    """
    if not result.done():
        with contextlib.suppress(OSError):
            await future.cancel()
        await asyncio.wait({result}, timeout=CONNECT_S)
    if result.done():
        result.exception()  # is looked at, and so not complained of
    future.release()


async def _result(future: Any) -> LaneAnswer:
    distributed = dask()
    try:
        answer: LaneAnswer = await future.result()
    except distributed.KilledWorker as error:
        raise LostTooOften(f"several workers were lost while it was executed: {error}") from None
    except distributed.client.FutureCancelledError as error:
        # Raised as it is, it would be taken for a cancelled task.
        raise Gone(f"the cluster has forgotten what it was given ({error})") from None
    except OSError as error:
        raise Gone(f"the cluster does not answer ({error})") from None
    return answer


async def _opened(client: Any, posting: Posting) -> int:
    """Have all workers open their lanes; how many there are."""
    lanes = 0
    for worker, answer in (await client.run(places.ready, posting)).items():
        if answer.raised is not None:
            raise PaidonceError(f"worker {worker} cannot open a lane: {answer.raised}")
        lanes += answer.value
    return lanes


@asynccontextmanager
async def crew_at(address: str, opens: Opens) -> AsyncIterator[Crew]:
    """Lanes on the workers of the cluster at ``address``, closed on the way out.

    Raises ``Unavailable`` when nothing answers there or no worker comes, within ``CONNECT_S``, and
    ``PaidonceError`` when a lane cannot be opened.
    """
    distributed = dask()
    remedy = "Start 'dask scheduler' and, where the lanes are to be, 'dask worker ADDRESS'"
    try:
        client = await distributed.Client(
            address, asynchronous=True, timeout=CONNECT_S, set_as_default=False
        )
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise Unavailable("cluster", f"nothing answers at {address} ({error})", remedy) from None
    try:
        try:
            await client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError:
            problem = f"no worker came to {address} in {CONNECT_S:g} s"
            raise Unavailable("cluster", problem, remedy) from None
        posting = Posting(uuid.uuid4().hex, opens)
        try:
            crew = Crew(client, posting, await _opened(client, posting))
            await crew.look()
            yield crew
        finally:
            await client.run(places.leave, posting.key, on_error="ignore")
    finally:
        await client.close()
