"""A race that leaves something behind and breaks nothing: the next execution begins with it."""

from __future__ import annotations

import pytest
from small_services import HERE, explored

from paidonce.harness.explore.search import Ending
from paidonce.harness.results.grounds import Wrong


@pytest.mark.slow
def test_what_a_race_leaves_behind_is_taken_back_before_each_execution():
    found = explored(HERE / "leaving" / "target.toml", "racy")
    assert found.result.ending is Ending.COMPLETE, found.result.reason
    assert found.result.grounds is not None
    (lesson,) = (one for one in found.result.grounds.lessons if one.wrong is Wrong.BEGINNING)
    assert "SELECT count(*) FROM jobs WHERE state = ? is answered otherwise" in lesson.names[0]
