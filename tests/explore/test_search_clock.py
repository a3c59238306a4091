"""A budget is for all of an exploration, however often its search begins again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from toy_worlds import ToyWorlds, verdict

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.lessons import SharesMemory
from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Budget, DepthFirst, Ending, search
from paidonce.harness.explore.search.clock import Clock
from paidonce.scenarios.catalog import scenario


def test_what_is_spent_is_told_of_the_whole() -> None:
    left = Budget(seconds=30.0, source="of 60 s by --time").spent(29.0).spent(1.0)
    assert (left.seconds, left.whole) == (0.0, 30.0)
    result = asyncio.run(
        search(
            [ToyWorlds({"a": (("read", "x"),)})],
            lambda o: verdict(False),
            DepthFirst(),
            budget=left,
        )
    )
    assert result.reason == "the budget of 30 seconds is spent (of 60 s by --time)"


def test_no_budget_is_never_over() -> None:
    clock = Clock(Budget(schedules=3))
    assert clock.left == Budget(schedules=3)
    assert not clock.over
    assert Clock(Budget(seconds=0.0)).over


class Slow(ServiceWorlds):
    """A service that never comes to the beginning of an execution."""

    def __init__(self) -> None:
        subject = SimpleNamespace(
            keeps_state_unseen=False,
            copies=(),
            answering=(),
            picked_at_stripe=(),
            leases_hold=True,
            timeouts_hold=True,
        )
        bench: Any = SimpleNamespace(
            subject=subject,
            controlled=False,
            taps={},
            stripe_tap=SimpleNamespace(live_keys=set()),
            egress=None,
            talks_past_the_tap=lambda _: False,
            workers=lambda: 1,
        )
        super().__init__(scenario("two_tabs"), bench)
        self.watched = 0
        self.begun = 0

    async def watch(self, seconds: float) -> bool:
        self.watched += 1
        return True  # what it is still busy with would look like its own doing

    async def fresh(self) -> Any:
        self.begun += 1
        if self.begun == 1:
            await asyncio.sleep(0.3)
            raise SharesMemory
        await asyncio.Event().wait()


@pytest.mark.parametrize("seconds", [0.5])
def test_a_search_that_begins_again_goes_on_with_what_is_left(seconds: float) -> None:
    service = Slow()
    request = SearchRequest(
        scenario=service.scenario, variant="none", budget=Budget(seconds=seconds), watch=0.01
    )
    explored = asyncio.run(explore([service], request))
    assert explored.result.ending is Ending.INCOMPLETE
    assert explored.result.reason == "the budget of 0.5 seconds is spent"
    assert explored.result.seconds < 0.3 + seconds, "the first search and a whole budget after it"
    assert service.begun == 2
    assert service.watched == 2, "in the beginning, and when memory turned out to be shared"
