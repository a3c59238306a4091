"""Services that refuse who comes within a minute of another."""

from __future__ import annotations

import pytest
from small_services import HERE, explored

from paidonce.harness.explore.search import Ending

TARGET = HERE / "recent" / "target.toml"


@pytest.mark.parametrize(
    ("variant", "column"),
    [
        ("window", "made_at"),
        pytest.param("sliding", "the score of its members", marks=pytest.mark.slow),
    ],
)
def test_where_a_window_of_time_is_all_that_refuses_nothing_is_complete(variant, column):
    result = explored(TARGET, variant).result
    assert result.ending is not Ending.COUNTEREXAMPLE
    assert result.ending is not Ending.COMPLETE
    assert f"finds what is of the last minutes only, by {column}, and that decides" in result.reason


@pytest.mark.slow
def test_a_window_of_time_before_a_guard_that_refuses_as_well_is_no_hindrance():
    result = explored(TARGET, "window_and_status").result
    assert result.ending is Ending.COMPLETE, result.reason
