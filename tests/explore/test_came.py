"""What an execution came to is equal where nobody could tell the difference."""

from __future__ import annotations

import pytest

from harness.explore.came import came_to
from harness.history import Ended, Header, History, Observed
from harness.verdict import Status, Verdict

FINE = Verdict(checker="c", status=Status.VALID, reason="fine")


def came(before, after):
    events = [Header(run="r", scenario="s", target="t", checkers=())]
    if before is not None:
        events.append(Observed(t=1, name="rows", value=before, before=True))
    return came_to(History([*events, Observed(t=2, name="rows", value=after), Ended(t=3)]), [FINE])


def test_a_number_that_grows_from_one_execution_to_the_next_is_no_other_outcome():
    """Where nothing is reset there is a row more each time; what counts is what attempts added."""
    assert came(3, 4) == came(4, 5) == came(41, 42)
    assert came(3, 4) != came(3, 5)


@pytest.mark.parametrize(("before", "after"), [(None, 4), ("3", "4"), ("3", 4)])
def test_a_value_that_is_no_number_or_was_not_looked_up_before_is_compared_as_it_is(before, after):
    assert came(before, after).values == (("rows", "", "4"),)
