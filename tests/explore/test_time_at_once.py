"""Time that passes in one step: the same outcomes as in pieces, and as without any reduction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reference_worlds import LAB

from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Ending
from paidonce.harness.service.recovery import RecoveryBounds
from paidonce.harness.testbed import passing
from paidonce.scenarios.catalog import scenario

pytestmark = pytest.mark.xdist_group("reference service explored")

STORY = scenario("lease_over")
ALONE = replace(STORY.keeping({"tab 1", "time"}), recovery=RecoveryBounds())


def searched(story, guard, search="dpor"):
    request = SearchRequest(
        scenario=story, variant=guard, search=search, stop_at_first=False, validation=None
    )
    result = LAB.on(story, guard, lambda worlds: explore(worlds, request)).result
    assert not result.counts.invalid
    return result


def test_one_attempt_and_time_come_to_what_they_do_in_any_order():
    reduced, full = searched(ALONE, "claim"), searched(ALONE, "claim", "dfs")
    assert (reduced.ending, full.ending) == (Ending.COMPLETE, Ending.COMPLETE)
    assert set(reduced.outcomes) == set(full.outcomes)
    assert reduced.counts.executions < full.counts.executions


@pytest.mark.slow
def test_two_attempts_and_time_come_to_what_they_do_where_it_passes_in_pieces(monkeypatch):
    at_once = searched(STORY, "claim")
    LAB.close()
    monkeypatch.setattr(passing, "TIME", "somebody")
    in_pieces = searched(STORY, "claim")
    LAB.close()
    assert (at_once.ending, in_pieces.ending) == (Ending.COMPLETE, Ending.COMPLETE)
    assert set(at_once.outcomes) == set(in_pieces.outcomes)
    assert at_once.counts.executions < in_pieces.counts.executions
