"""One search of a request on some lanes, with what it relied on tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.exploration.request import SearchRequest, scheduler
from paidonce.harness.explore.relying import Relying
from paidonce.harness.explore.search import Progress
from paidonce.harness.explore.search.clock import Clock
from paidonce.harness.explore.search.schedulers import kind_of
from paidonce.harness.explore.validate.claims import Settled


async def watched(
    worlds: Sequence[ServiceWorlds], request: SearchRequest, elsewhere: Elsewhere | None = None
) -> bool:
    """Watch the service while nobody moves; whether it does something that was not known.

    Lanes ``elsewhere`` have been watched when they were opened.
    """
    if not request.watch:
        return False
    watching = [each.watch(request.watch) for each in worlds]
    if elsewhere is not None:
        watching.append(elsewhere.watch(request.watch))
    return any(await asyncio.gather(*watching))


def relying_search(
    worlds: Sequence[ServiceWorlds],
    request: SearchRequest,
    clock: Clock,
    progress: Callable[[Progress], None] | None,
    elsewhere: Elsewhere | None,
    known: Mode | None = None,
    settled: Settled | None = None,
) -> Relying:
    """Return the search that is asked for, which tries what it relied on.

    ``known`` is the mode in which another on the same lanes has ended, and ``settled`` what that
    has confirmed already.
    """

    async def watch_again() -> None:
        await watched(worlds, request, elsewhere)

    return Relying(
        worlds,
        lambda: scheduler(request),
        clock.left,
        reduces=kind_of(request.search).reduces,
        memory=request.memory,
        seed=request.seed,
        recheck=request.recheck,
        stop_at_first=request.stop_at_first,
        validation=request.validation,
        progress=progress,
        elsewhere=elsewhere,
        watch_again=watch_again,
        known=known,
        settled=Settled() if settled is None else settled,
        beyond=settled is not None,
    )
