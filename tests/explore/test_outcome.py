"""What an execution came to is equal where nobody could tell the difference."""

from __future__ import annotations

import pytest

from paidonce.harness.explore.control.outcome import outcome_of
from paidonce.harness.history import (
    Action,
    Completed,
    Ended,
    Header,
    History,
    Invoked,
    Observed,
    Outcome,
)
from paidonce.harness.verdict import Status, Verdict

FINE = Verdict(checker="c", status=Status.VALID, reason="fine")


def came(before, after):
    events = [Header(run="r", scenario="s", target="t", checkers=())]
    if before is not None:
        events.append(Observed(t=1, name="rows", value=before, before=True))
    return outcome_of(
        History([*events, Observed(t=2, name="rows", value=after), Ended(t=3)]), [FINE]
    )


def test_a_number_that_grows_from_one_execution_to_the_next_is_no_other_outcome():
    """Where nothing is reset there is a row more each time; what counts is what attempts added."""
    assert came(3, 4) == came(4, 5) == came(41, 42)
    assert came(3, 4) != came(3, 5)


@pytest.mark.parametrize(("before", "after"), [(None, 4), ("3", "4"), ("3", 4)])
def test_a_value_that_is_no_number_or_was_not_looked_up_before_is_compared_as_it_is(before, after):
    assert came(before, after).values == (("rows", "", "4"),)


def delivered(*outcomes):
    events = [Header(run="r", scenario="s", target="t", checkers=())]
    for op, outcome in enumerate(outcomes):
        asked = {"attempt": "tab", "action": Action.WEBHOOK, "order": "o"}
        events.append(Invoked(t=2 * op, op=op, **asked))
        events.append(Completed(t=2 * op + 1, op=op, outcome=outcome))
    return outcome_of(History([*events, Ended(t=99)]), [FINE])


def test_a_delivery_refused_twice_before_it_is_accepted_comes_to_what_one_refused_once_does():
    accepted, refused = Outcome.OK, Outcome.REJECTED
    assert delivered(refused, refused, accepted) == delivered(refused, accepted)
    assert delivered(refused, accepted) != delivered(accepted)
    assert delivered(accepted, accepted) != delivered(accepted)
