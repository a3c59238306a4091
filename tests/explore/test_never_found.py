"""Observations of certain objects of Stripe that were 0 in every execution."""

from __future__ import annotations

import msgspec

from paidonce.harness.explore.control.outcome import outcome_of
from paidonce.harness.explore.never_found import never_found
from paidonce.harness.explore.search import Counts, Ending, SearchResult
from paidonce.harness.history import Ended, Header, History, Observed
from paidonce.harness.results.grounds import Grounds, resting
from paidonce.harness.verdict import Status, Verdict

FINE = Verdict(checker="c", status=Status.VALID, reason="fine")


def searched(*charged: int | float, before: int | None = None) -> SearchResult:
    outcomes = [
        outcome_of(
            History(
                [
                    Header(run="r", scenario="s", target="t", checkers=()),
                    *(
                        [Observed(t=1, name="charged", value=before, before=True)]
                        if before is not None
                        else []
                    ),
                    Observed(t=2, name="charged", value=value),
                    Ended(t=3),
                ]
            ),
            [FINE],
        )
        for value in charged
    ]
    return SearchResult(
        ending=Ending.COMPLETE,
        coverage="all",
        reason="",
        counts=Counts(),
        seconds=1.0,
        outcomes=tuple(outcomes),
    )


def test_what_is_0_in_every_execution_was_never_found() -> None:
    assert never_found(["charged"], searched(0)) == ("charged",)
    assert never_found(["charged"], searched(0, 0.0)) == ("charged",)
    assert never_found(["charged"], searched(0, 1)) == ()
    assert never_found(["charged"], searched(2)) == ()
    assert never_found([], searched(0)) == ()
    assert never_found(["refunded"], searched(0)) == ()
    # What was there before was found, though nothing came to it.
    assert never_found(["charged"], searched(3, before=3)) == ()


def test_the_verdict_says_so_in_its_line() -> None:
    told = resting("all", Grounds(never_found=("charged",)))
    assert told == "all; provided that [observe] is right to find none of charged in any execution"
    assert msgspec.json.decode(msgspec.json.encode(Grounds(never_found=("charged",))), type=Grounds)
