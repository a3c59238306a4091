"""The same search under failures, where none was found without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.crashes import crashes_of
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.failing import Offers
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.exploration.request import SearchRequest
from paidonce.harness.explore.exploration.searching import relying_search
from paidonce.harness.explore.failure.loop import FailureLoop, Found
from paidonce.harness.explore.failure.plans import chosen_by
from paidonce.harness.explore.lagging import searches
from paidonce.harness.explore.lapsing import lapsing
from paidonce.harness.explore.relying import Relying
from paidonce.harness.explore.search import Ending, Progress, SearchResult
from paidonce.harness.explore.search.clock import Clock


async def under_failures(
    worlds: Sequence[ServiceWorlds],
    request: SearchRequest,
    relying: Relying,
    result: SearchResult,
    clock: Clock,
    progress: Callable[[Progress], None] | None,
) -> tuple[SearchResult, Found | None]:
    """Search under failures, after ``relying`` came to ``result`` without any.

    What was found has the search of its plan, and the lanes to make it again on.
    """
    elsewhere, offers = relying.elsewhere, Offers()
    crashes = crashes_of(worlds[0].bench)
    for each in worlds:
        offers.add(each.offers)
    if elsewhere is not None:
        offers.add(elsewhere.offers)

    def search(lanes: Sequence[ServiceWorlds], mode: Mode, others: Elsewhere | None) -> Relying:
        return relying_search(lanes, request, clock, progress, others, mode, relying.settled)

    loop = FailureLoop(
        worlds,
        search,
        lambda: "the time for it is over" if clock.over else "",
        request.faults,
        # What one process has looked at matters to the others once it is killed.
        replace(relying.mode, every_crash=request.every_crash or len(crashes) > 1),
        offers,
        chosen=request.failing or chosen_by(request.scenario),
        elsewhere=elsewhere,
        both_orders=request.both_orders and request.scenario.recovery.asks,
    )
    under = msgspec.structs.replace(
        await loop.run(),
        chosen=request.failing is not None or request.scenario.failures is not None,
        crashes=bool(crashes),
        orders=2 if loop.both_orders and loop.swept else 1,
        processes=max(1, len(crashes)),
        rounds=request.scenario.recovery.rounds,
        leases_held=bool(await lapsing(worlds, elsewhere)),
        search_up_to_date=bool(searches(worlds, elsewhere)),
        replica=worlds[0].bench.replica is not None,
    )
    if loop.found is not None:
        result = msgspec.structs.replace(loop.found.result, failures=under)
        return result, loop.found
    outcomes = tuple(dict.fromkeys([*result.outcomes, *loop.outcomes]))
    result = msgspec.structs.replace(result, failures=under, outcomes=outcomes)
    if undecided := under.undecided:
        reason = f"{len(undecided)} of {len(under.plans)} plans of failures were not searched to "
        reason += f"their end, the first because: {undecided[0].reason}"
        reasons = [result.reason, reason] if result.ending is Ending.INCOMPLETE else [reason]
        result = msgspec.structs.replace(
            result, ending=Ending.INCOMPLETE, reason="; ".join(reasons)
        )
    return result, None
