"""Explores one scenario on one variant: as many searches as it takes, and what they found."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from paidonce.harness.explore.caveats import honest, learnt, notes
from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.crashes import crashes_of, expect_crashes
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration.keeping import shown
from paidonce.harness.explore.exploration.leases_over import with_leases_over
from paidonce.harness.explore.exploration.request import Explored, SearchRequest
from paidonce.harness.explore.exploration.search_behind import with_search_behind
from paidonce.harness.explore.exploration.searching import relying_search, watched
from paidonce.harness.explore.exploration.under_failures import under_failures
from paidonce.harness.explore.lagging import lagging, of_a_search_that_lags
from paidonce.harness.explore.lapsing import lapsing, leases_left
from paidonce.harness.explore.search import Ending, Progress
from paidonce.harness.explore.search.clock import Clock
from paidonce.harness.explore.search.world import InvalidRun

NO_CRASH = (
    "no process of the service was killed: one of them is not ours to start again, which of "
    "several a connection is of is not known, or attempts run commands"
)
ALWAYS_BEFORE_RECOVERY = (
    "what must hold always was looked at after each step of the attempts, and of recovery once it "
    "was over"
)


async def explore(
    worlds: list[ServiceWorlds],
    request: SearchRequest,
    progress: Callable[[Progress], None] | None = None,
    elsewhere: Elsewhere | None = None,
) -> Explored:
    """Search, and if something was found make it once more for its history and witness.

    Lanes ``elsewhere`` take part in the search; the rest is done here. The budget's seconds are for
    all of it, but for making a counterexample again that was found; it is made smaller in what is
    left of them, and a little longer where there is nothing left.
    """
    clock = Clock(request.budget)
    for each in worlds:
        each.offers.wanted = request.faults > 0
    if request.faults:
        await expect_crashes(each.bench for each in worlds)
    await watched(worlds, request)
    if request.warm_beside:
        with contextlib.suppress(InvalidRun):  # the search meets that again, and says so
            await asyncio.gather(*(each.warm() for each in worlds))
        clock = Clock(request.budget)
    relying = relying_search(worlds, request, clock, progress, elsewhere)
    result = await relying.result()
    if (
        result.ending is not Ending.COUNTEREXAMPLE
        and not clock.over
        and await watched(worlds, request, elsewhere)
    ):
        # What it does by itself since it was used was taken for the attempts' doing.
        relying = relying_search(worlds, request, clock, progress, elsewhere)
        result = await relying.result()
    plain, kept = worlds, tuple[str, ...]()
    complete = result.ending is Ending.COMPLETE and not clock.over
    sure = bool(leases_left(worlds, elsewhere))
    # Of what only may run out nothing is claimed under failures, which take long enough.
    lapses = complete and (sure or not request.faults)
    if lapses and (lapsed := await lapsing(worlds, elsewhere)):
        further = relying_search(lapsed, request, clock, progress, elsewhere)
        worlds, result, kept = await with_leases_over(worlds, result, further, sure)
        relying = relying if worlds is plain else further
    if (
        result.ending is Ending.COMPLETE
        and not clock.over
        and (behind := lagging(plain, elsewhere))
    ):
        lagged = relying_search(behind, request, clock, progress, elsewhere)
        worlds, result = await with_search_behind(worlds, result, lagged)
    result = of_a_search_that_lags(plain, elsewhere, result)
    shown_by, under = worlds[0], None
    if request.faults and result.ending is not Ending.COUNTEREXAMPLE:
        result, under = await under_failures(worlds, request, relying, result, clock, progress)
        shown_by = worlds[0] if under is None else under.worlds[0]
    remarks = (*notes(worlds, elsewhere, result.grounds), *learnt(result.grounds), *kept)
    if request.faults and request.scenario.watched:
        remarks = (*remarks, ALWAYS_BEFORE_RECOVERY)
    if request.faults and not crashes_of(worlds[0].bench):
        remarks = (*remarks, NO_CRASH)
    if result.ending is not Ending.COUNTEREXAMPLE:
        return Explored(request, honest(worlds, result, elsewhere), notes=remarks)
    return await shown(shown_by, request, result, clock, remarks)
