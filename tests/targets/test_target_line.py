"""A service all of whose requests send on one connection to Redis."""

from __future__ import annotations

import pytest
from small_services import HERE, edited, explored

from paidonce.harness.explore.search import Ending

TARGET = HERE / "line" / "target.toml"


@pytest.mark.parametrize(
    ("variant", "ending"),
    [
        pytest.param("racy", Ending.COUNTEREXAMPLE, marks=pytest.mark.slow),
        ("claimed", Ending.COMPLETE),
    ],
)
def test_what_waits_behind_another_attempts_command_is_known_by_who_sent_it(variant, ending):
    found = explored(TARGET, variant)
    assert found.result.ending is ending, found.result.reason
    assert not found.result.invalid


def test_orders_that_one_connection_does_not_let_be_made_are_named():
    # Both read their own name where one is slow before it writes; on the line that is never seen,
    # as each of them sends again as soon as it is answered.
    result = explored(TARGET, "rewritten").result
    assert result.ending is Ending.INCOMPLETE
    assert not result.invalid
    assert result.reason.startswith("attempts share one connection to Redis")


TWO = ("[[process]]", '[[process]]\nname = "web"\ncopies = 2')
LATER = ("[success]", '[[time]]\nname = "later"\nseconds = 60\n\n[success]')


@pytest.mark.parametrize(
    ("variant", "ending"),
    [
        ("rewritten", Ending.COUNTEREXAMPLE),
        pytest.param("claimed", Ending.COMPLETE, marks=pytest.mark.slow),
    ],
)
def test_two_copies_of_the_service_have_a_connection_each(tmp_path, variant, ending):
    result = explored(edited(tmp_path, "line", TWO), variant).result
    assert result.ending is ending, result.reason
    assert "over tap steps, sent to 2 copies of web in turn" in result.coverage


@pytest.mark.slow
def test_time_passes_between_the_steps_of_several_processes(tmp_path):
    result = explored(edited(tmp_path, "line", TWO, LATER), "claimed").result
    assert result.ending is Ending.COMPLETE, result.reason
    assert not result.invalid
