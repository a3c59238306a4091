"""The same search with a search at Stripe that lags, where it was complete without."""

from __future__ import annotations

import msgspec

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.relying import Relying
from paidonce.harness.explore.search import Ending, SearchResult
from paidonce.harness.service.passing import EVERY_LEASE_OVER, SEARCH_CAUGHT_UP


async def with_search_behind(
    worlds: list[ServiceWorlds], result: SearchResult, behind: Relying
) -> tuple[list[ServiceWorlds], SearchResult]:
    """Search on the lanes of ``behind``, where Stripe's search lags, what was complete on
    ``worlds``; return the lanes of what was found, and what it came to.

    Nothing is complete where that does not come to its end.
    """
    further = await behind.result()
    match further.ending:
        case Ending.COUNTEREXAMPLE:
            return list(behind.worlds), further
        case Ending.INCOMPLETE:
            reason = f"with Stripe's search behind until it catches up: {further.reason}"
            return worlds, msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
        case _ if EVERY_LEASE_OVER in result.coverage:
            both = f"{result.coverage}, and with {SEARCH_CAUGHT_UP} at any of them"
            return worlds, msgspec.structs.replace(result, coverage=both)
        case _:
            return worlds, further
