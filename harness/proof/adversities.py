"""The kinds of failures that a proof puts variants through, each with a story of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paidonce.harness.explore.control.failures import Offer
from paidonce.harness.explore.failure.plans import Plan
from paidonce.harness.results.proof import Adversity
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.taps.faults import Crash, ErrorAnswer, LostAnswer, NoContact


@dataclass(frozen=True)
class Only:
    """Chooses the failures that ``wanted`` tells of."""

    wanted: Callable[[Offer], bool]

    def offered(self, offer: Offer) -> bool:
        """Tell whether a failure that was possible is to be planned."""
        return self.wanted(offer)

    def together(self, plan: Plan) -> bool:
        """Tell whether failures are to be in one plan."""
        return True


@dataclass(frozen=True)
class Ordeal:
    """One kind of failure in one story: at most one of those that ``chosen`` tells, anywhere.

    Without ``chosen`` nothing fails, and what is searched is the story's order alone. ``breaks``
    names the variants that are declared not to survive it.
    """

    adversity: Adversity
    story: Scenario
    chosen: Callable[[Offer], bool] | None
    breaks: frozenset[str] = frozenset()


def crashes(offer: Offer) -> bool:
    """Tell whether the service's process is killed."""
    return isinstance(offer.failure.fault, Crash)


def loses(offer: Offer) -> bool:
    """Tell whether a connection is reset, before what was asked or in the place of its answer."""
    return offer.usual and isinstance(offer.failure.fault, LostAnswer | NoContact)


def keeps_a_failure(offer: Offer) -> bool:
    """Tell whether Stripe answers a 500, and keeps it under the key."""
    fault = offer.failure.fault
    return isinstance(fault, ErrorAnswer) and fault.error.startswith("api_error_saved")


def refuses(offer: Offer) -> bool:
    """Tell whether a dependency answers an error that leaves nothing behind."""
    fault = offer.failure.fault
    return offer.usual and isinstance(fault, ErrorAnswer) and not keeps_a_failure(offer)
