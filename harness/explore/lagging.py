"""A search at Stripe that lags: a service that searches there is searched again with an index that
sees nothing its attempts write until it catches up, once, at any place.

Stripe indexes after it has written, within a minute as a rule, and says that a search is not for
reading what has just been written (https://docs.stripe.com/search#data-freshness). So a service
that searches for the payment it is about to make finds none, whatever lock it holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.search import Ending, SearchResult
from paidonce.harness.service.passing import Passing


def searches(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> frozenset[str]:
    """Return the calls of attempts that search at Stripe, by label."""
    here = [each.leases for each in worlds]
    known = here if elsewhere is None else [*here, elsewhere.leases]
    return frozenset(label for each in known for label in each.searches)


def lagging(
    worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None = None
) -> list[ServiceWorlds]:
    """Return the same worlds with a search that lags until it catches up; none where no attempt
    searches, or where this Stripe's search cannot be held."""
    if not searches(worlds, elsewhere) or worlds[0].bench.hold_search is None:
        return []
    behind = [each.telling(each.scenario) for each in worlds]
    for each in behind:
        each.lapse(Passing(indexes=True))
    return behind


def of_a_search_that_lags(
    worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None, result: SearchResult
) -> SearchResult:
    """Return what a search came to whose attempts may have searched at a Stripe that cannot be held
    back: nothing complete then."""
    found = searches(worlds, elsewhere)
    if result.ending is not Ending.COMPLETE or not found or worlds[0].bench.hold_search is not None:
        return result
    reason = (
        f"attempts search at Stripe ({min(found)}), whose index lags, and this Stripe's cannot be "
        "held back; the simulator's can"
    )
    return msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
