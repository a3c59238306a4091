"""What is said first of a search that was not wholly under control."""

from __future__ import annotations

import pytest

from harness.explore.honesty import claimed
from harness.explore.search import Counts, Ending, Result

TRIPPED = "1 executions stayed invalid, the first because: step 2: touched more than before"
DISTURBING = "the service sends 'postgres UPDATE jobs' by itself, which touches what attempts do"


def result(ending: Ending, reason: str = "", *invalid: str) -> Result:
    return Result(
        ending=ending,
        coverage="all of it",
        reason=reason,
        counts=Counts(),
        seconds=1.0,
        outcomes=(),
        invalid=invalid,
    )


def test_what_a_search_tripped_over_comes_after_what_it_comes_from():
    tripped = result(Ending.INCOMPLETE, TRIPPED, "step 2: touched more than before")
    said = claimed(tripped, [DISTURBING], ["postgres UPDATE jobs"])
    assert said.reason == f"{DISTURBING}; {TRIPPED}"
    said = claimed(tripped, [], ["postgres UPDATE jobs"])
    by_itself = "the service works by itself, at its own pace ('postgres UPDATE jobs')"
    assert said.reason == f"{by_itself}; {TRIPPED}"


def test_what_harmed_nothing_is_not_blamed():
    spent = result(Ending.INCOMPLETE, "the budget of 20 seconds is spent")
    assert claimed(spent, [], ["postgres UPDATE beats"]) == spent
    complete = result(Ending.COMPLETE, "", "tried again: a surprise")
    assert claimed(complete, [], ["postgres UPDATE beats"]) == complete
    assert claimed(spent, [DISTURBING], []).reason == f"{DISTURBING}; {spent.reason}"


@pytest.mark.parametrize("reasons", [[DISTURBING], [DISTURBING, "it talks to Redis"]])
def test_nothing_is_complete_where_something_was_out_of_control(reasons):
    said = claimed(result(Ending.COMPLETE), reasons, [])
    assert (said.ending, said.reason) == (Ending.INCOMPLETE, "; ".join(reasons))


def test_a_counterexample_stays_one():
    found = result(Ending.COUNTEREXAMPLE, "stopped at a counterexample", "a surprise")
    assert claimed(found, [DISTURBING], ["postgres UPDATE jobs"]) == found
