"""Services that refuse who comes within a minute of another."""

from __future__ import annotations

import pytest
from small_services import HERE, explored

from paidonce.harness.explore.search import Ending
from paidonce.harness.service.passing import EVERY_LEASE_OVER

TARGET = HERE / "recent" / "target.toml"


def test_where_a_window_of_time_in_rows_is_all_that_refuses_who_comes_later_is_not_refused():
    found = explored(TARGET, "window")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert EVERY_LEASE_OVER in found.witness.schedule


@pytest.mark.slow
def test_where_one_in_redis_is_all_that_refuses_nothing_is_complete():
    result = explored(TARGET, "sliding").result
    assert result.ending is Ending.INCOMPLETE
    said = "finds what is of the last minutes only, by the score of its members, and that decides"
    assert said in result.reason


@pytest.mark.slow
def test_a_window_of_time_before_a_guard_that_refuses_as_well_is_no_hindrance():
    result = explored(TARGET, "window_and_status").result
    assert result.ending is Ending.COMPLETE, result.reason
