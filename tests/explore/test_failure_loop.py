"""The search under failures: first for what must never happen, then for what never ends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from paidonce.harness.explore.control.failing import Offers
from paidonce.harness.explore.control.failures import Offer, Place, PlannedFailure
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.outcome import ExecutionOutcome, judge_outcome, judge_safety
from paidonce.harness.explore.failure import loop
from paidonce.harness.explore.failure.loop import FailureLoop
from paidonce.harness.explore.search import Counts, Ending, SearchResult
from paidonce.harness.results.grounds import Lesson, Wrong
from paidonce.harness.taps.faults import LostAnswer
from paidonce.harness.verdict import Status


def outcome(status, safety, *broken, answers=(("tab", "pay", "unknown", ""),)):
    return ExecutionOutcome(
        status=status,
        answers=answers,
        broken=broken,
        orders=(),
        intents=(),
        charges=(),
        safety=safety,
    )


FINE = outcome(Status.VALID, Status.VALID)
RESTLESS = outcome(Status.INVALID, Status.VALID, "comes-to-rest")
TWICE = outcome(Status.INVALID, Status.INVALID, "comes-to-rest", "invariants")


class Search:
    """A search whose executions all came to one outcome."""

    looks_back = True
    validation = None
    lessons = ()

    def __init__(self, came, mode, looks, step):
        self.came, self.mode, self.judge = came, mode, judge_outcome
        self.looks, self.step = looks, step

    async def result(self):
        if self.looks_back:
            self.looks.append(self.step)
        wrong = self.judge(self.came).status is Status.INVALID
        return SearchResult(
            ending=Ending.COUNTEREXAMPLE if wrong else Ending.COMPLETE,
            coverage="",
            reason="",
            counts=Counts(explored=1),
            seconds=0.0,
            outcomes=(self.came,),
        )


def failure(step):
    return PlannedFailure(
        attempt="tab", step=step, fault=LostAnswer(), place=Place.ANSWER, on="stripe"
    )


def searched(*came, swept=None, parted="", looks=None):
    """What a loop comes to whose n-th plan, a failure at step n, has executions that came so.

    ``parted`` is how executions that are to begin equal do not; ``looks`` gets the searches that
    looked for that themselves."""
    one = SimpleNamespace(name="tab", likeness="tab", passing=None, awaits="", again="")
    could = Offers({failure(n + 1): Offer(failure=failure(n + 1), label="a call", usual=True)
                    for n in range(len(came))}, set(), set(), set())  # fmt: skip
    world = SimpleNamespace(scenario=SimpleNamespace(attempts=(one,)), offers=Offers(), mode=Mode())
    looks = [] if looks is None else looks

    async def looked():
        looks.append("once")
        return parted

    world.parted = looked

    def search(lanes, mode, elsewhere):
        (planned,) = mode.failures
        came_to = swept if swept and mode.sweeps_first else came[planned.step - 1]
        return Search(came_to, mode, looks, planned.step)

    searching = FailureLoop(
        [world], search, lambda: "", 1, Mode(), could, both_orders=swept is not None
    )
    under = asyncio.run(searching.run())
    return searching.found, under


def test_where_a_kill_matters_to_what_others_looked_at_all_kills_are_made(monkeypatch):
    """What was found below the plans of the first time is told no more."""
    lesson = Lesson(wrong=Wrong.KILL, names=("read", "kill"))
    monkeypatch.setattr(Search, "lessons", (lesson,))
    asked = []
    monkeypatch.setattr(
        loop, "grown", lambda *how, every_crash, alone: asked.append(every_crash) or [
            frozenset({failure(1)})
        ]
    )  # fmt: skip
    _, under = searched(FINE)
    assert asked == [False, True]
    assert len(under.plans) == 1


def test_what_does_not_come_to_rest_does_not_hide_what_is_worse():
    found, _ = searched(FINE, RESTLESS, TWICE)
    assert found is not None
    assert found.result.outcomes == (TWICE,)


def test_what_does_not_come_to_rest_is_found_where_nothing_is_worse():
    found, under = searched(FINE, RESTLESS, FINE)
    assert found is not None
    assert found.result.outcomes == (RESTLESS,)
    assert [plan.found for plan in under.plans] == [False, False, False, True]


@pytest.mark.parametrize("swept", [RESTLESS, TWICE])
def test_what_breaks_in_the_other_order_of_recovery_is_found(swept):
    found, under = searched(FINE, FINE, swept=swept)
    assert found is not None
    assert found.result.outcomes == (swept,)
    assert under.plans[0].executions == 2


def test_the_other_order_is_left_out_where_nobody_asks_again():
    well = outcome(Status.VALID, Status.VALID, answers=(("tab", "pay", "ok", ""),))
    found, under = searched(well, well, swept=TWICE)
    assert found is None
    assert [plan.executions for plan in under.plans] == [1, 1]


def test_nothing_is_found_where_all_comes_to_rest():
    found, under = searched(FINE, FINE)
    assert found is None
    assert not under.undecided


def test_it_is_looked_once_after_several_plans_whether_executions_began_equal():
    looks = []
    searched(FINE, FINE, FINE, looks=looks)
    assert looks == ["once"]


def test_where_they_did_not_each_plan_is_searched_again_and_looks_itself():
    looks = []
    _, under = searched(FINE, FINE, FINE, parted="a row is there", looks=looks)
    assert looks == ["once", 1, 2, 3]
    assert [plan.executions for plan in under.plans] == [1, 1, 1]


@pytest.mark.parametrize(
    ("came", "safe"),
    [(FINE, True), (RESTLESS, True), (TWICE, False)],
    ids=lambda one: str(one)[:20],
)
def test_safety_is_judged_without_liveness(came, safe):
    assert (judge_safety(came).status is Status.VALID) is safe
    assert judge_outcome(came).status is came.status
