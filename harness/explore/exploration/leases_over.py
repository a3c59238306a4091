"""The same search with leases over, where it was complete without."""

from __future__ import annotations

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.relying import Relying
from paidonce.harness.explore.search import Budget, Ending, SearchResult
from paidonce.harness.explore.shrinking import broken_in_turn
from paidonce.harness.service.passing import EVERY_LEASE_OVER

KEPT = (
    "keys that run out, or columns that are compared with the time, are taken to stay as they are"
)
LEAST_S, TIMES = 20.0, 1.0
"""The time for a search with times over of which nobody knows whether anybody goes by them: so many
seconds, or so many times as long as the search without, if that is more."""


def at_most(budget: Budget, seconds: float) -> Budget:
    if budget.seconds is not None and budget.seconds <= seconds:
        return budget
    words = f"the {seconds:.0f} s are spent that this gets where nobody is known to go by the time"
    return msgspec.structs.replace(
        budget, seconds=seconds, whole=None, source="", spent_words=words
    )


async def with_leases_over(
    worlds: list[ServiceWorlds], result: SearchResult, lapsed: Relying, sure: bool
) -> tuple[list[ServiceWorlds], SearchResult, tuple[str, ...]]:
    """Search on the lanes of ``lapsed``, where leases end, what was complete on ``worlds``.

    Where that does not come to its end nothing is complete, if there are leases for ``sure``; if
    there are only times and keys of which nobody knows whether anybody goes by them, a note says
    that they were not let run out, and less time is spent.
    """
    if not sure:
        lapsed.budget = at_most(lapsed.budget, max(LEAST_S, TIMES * result.seconds))
    try:
        further = await lapsed.result()
    except UsageError as error:  # nobody has asked for what cannot be done
        further = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=str(error))
    if further.ending is Ending.COUNTEREXAMPLE and await _over_is_enough(lapsed, further):
        reason = "once that time is over attempts are refused one after the other as well"
        further = msgspec.structs.replace(further, ending=Ending.INCOMPLETE, reason=reason)
    if further.ending is not Ending.INCOMPLETE:
        return list(lapsed.worlds), further, ()
    reason = f"with leases over at any place: {further.reason}"
    if not sure:
        return worlds, result, (f"{KEPT}; {reason}",)
    result = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
    return worlds, result, ()


async def _over_is_enough(lapsed: Relying, result: SearchResult) -> bool:
    """Return whether the counterexample breaks no more than attempts do that come one after the
    other once the time is over: then a session has ended, say, and nobody has raced."""
    outcome = result.found[0].execution.outcome
    assert isinstance(outcome, ExecutionOutcome)
    broken = await broken_in_turn(lapsed.worlds[0], (EVERY_LEASE_OVER,))
    return broken is not None and broken >= set(outcome.rules)
