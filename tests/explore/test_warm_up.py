"""A service is warm before anything counts, and says what was different in the beginning."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

import pytest

from paidonce.harness.errors import Unavailable
from paidonce.harness.explore.cluster.service_lanes import parted
from paidonce.harness.explore.control.warm_up import MOST, Warmth
from paidonce.harness.explore.footprint.model import LOCAL
from paidonce.harness.explore.naming.answer_digest import AnswerDigest
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken
from paidonce.harness.service.script import NotReady

KINDS = frozenset({"pay"})


class Service:
    """Each of two tabs makes the steps that ``steps`` tells for the execution of this number."""

    def __init__(self, steps):
        self.steps = steps
        self.begun = 0

    async def fresh(self):
        self.begun += 1
        found = self.steps(self.begun)
        if isinstance(found, Exception):
            raise found
        return _World({name: list(found) for name in ("tab 1", "tab 2")})


class _World:
    def __init__(self, left):
        self.left = left

    def pending(self):
        return tuple(
            Pending(actor=name, label=steps[0].partition(" -> ")[0], footprint=LOCAL)
            for name, steps in self.left.items()
            if steps
        )

    async def step(self, actor):
        enabled = tuple(one.actor for one in self.pending())
        label = self.left[actor].pop(0)
        if label == "lost":
            raise InvalidRun("not under control")
        label, _, answer = label.partition(" -> ")
        heard = AnswerDigest(answer, answer)
        return Taken(actor=actor, label=label, footprint=LOCAL, enabled=enabled, heard=heard)

    async def finish(self) -> Hashable:
        return ()

    async def close(self):
        pass


def warmed(steps):
    warmth, service = Warmth(), Service(steps)
    asyncio.run(warmth.warm(service.fresh, KINDS, 2))
    return warmth, service.begun


def test_a_service_that_does_the_same_from_the_beginning_is_played_twice():
    warmth, begun = warmed(lambda number: ("look", "write"))
    assert (warmth.notes, begun) == ([], 2)
    assert warmth.covers(KINDS, 2)
    assert not warmth.covers(KINDS, 3)
    assert not warmth.covers(frozenset({"refund"}), 2)


def test_a_cache_that_the_first_execution_fills_is_named():
    warmth, begun = warmed(lambda number: ("settings", "look") if number == 1 else ("look",))
    assert begun == 3
    (note,) = warmth.notes
    assert "tab 1 settings, where it later is tab 1 look" in note


def test_it_goes_on_until_two_executions_agree():
    warmth, begun = warmed(lambda number: ("settings",) * max(0, 4 - number) + ("look",))
    assert begun == 5
    assert len(warmth.notes) == 1


@pytest.mark.parametrize(
    ("again", "played"),
    [
        (lambda number: ("look",), 1),
        (lambda number: ("settings", "look") if number == 1 else ("look",), 2),
        (lambda number: ("look", "more"), 2),
    ],
    ids=["as-before", "once-cold", "another-way"],
)
def test_who_is_started_again_is_warm_once_it_goes_the_known_way(again, played):
    warmth, _ = warmed(lambda number: ("settings", "look") if number == 1 else ("look",))
    warmth.cooled()
    assert not warmth.covers(KINDS, 2)
    restarted = Service(again)
    asyncio.run(warmth.warm(restarted.fresh, KINDS, 2))
    assert restarted.begun == played
    assert warmth.covers(KINDS, 2)
    assert asyncio.run(warmth.parted()) == ""


def test_what_was_not_warm_after_all_is_not_known_either():
    warmth, _ = warmed(lambda number: ("look",))
    warmth.forget()
    again = Service(lambda number: ("look",))
    asyncio.run(warmth.warm(again.fresh, KINDS, 2))
    assert again.begun == 2


def test_what_never_does_the_same_is_said():
    warmth, begun = warmed(lambda number: (f"look {number}",))
    assert begun == MOST
    assert "does not come to do the same" in warmth.notes[0]


@pytest.mark.parametrize(("lost", "begun"), [((1,), 3), ((1, 2, 3), 2)])
def test_executions_out_of_control_are_left_to_whoever_searches(lost, begun):
    warmth, found = warmed(lambda number: ("lost",) if number in lost else ("look",))
    assert (warmth.notes, found) == ([], begun)
    assert warmth.covers(KINDS, 2)


def test_a_preparation_that_does_not_succeed_is_no_matter_of_warmth():
    failure = InvalidRun("the order was answered 500")
    failure.__cause__ = NotReady("the order was answered 500")
    warmth, service = Warmth(), Service(lambda number: failure)
    with pytest.raises(InvalidRun):
        asyncio.run(warmth.warm(service.fresh, KINDS, 2))
    assert not warmth.covers(KINDS, 2)


def test_what_a_race_left_behind_is_seen_when_the_same_is_played_again():
    left = []
    service = Service(lambda number: (*left, "look"))
    warmth = Warmth()

    async def searched():
        await warmth.warm(service.fresh, KINDS, 2)
        before = await warmth.parted()
        left.append("lost job")
        return before, await warmth.parted()

    assert asyncio.run(searched()) == ("", "tab 1 lost job, where it was tab 1 look")


@pytest.mark.parametrize(
    ("counted", "came"),
    [((1, 1, 2), "tab 1 count is answered otherwise"), ((1, 2, 9), ""), (("", "", 2), "")],
)
def test_an_answer_that_was_the_same_twice_is_the_same_in_the_end(counted, came):
    service = Service(lambda number: (f"count -> {counted[number - 1]}",))
    warmth = Warmth()

    async def searched():
        await warmth.warm(service.fresh, KINDS, 2)
        return await warmth.parted()

    assert asyncio.run(searched()) == came


def test_an_execution_that_never_stays_under_control_again_is_told():
    service = Service(lambda number: ("look",) if number < 3 else ("lost",))
    warmth = Warmth()

    async def searched():
        await warmth.warm(service.fresh, KINDS, 2)
        return await warmth.parted()

    assert asyncio.run(searched()) == "they did not stay under control"


def test_a_service_that_is_known_better_is_warmed_anew():
    """A timer's beats fell into the executions that agreed, and are let through by now."""
    service = Service(lambda number: ("look", "beat", "write") if number < 3 else ("look", "write"))
    warmth = Warmth()

    async def searched():
        await warmth.warm(service.fresh, KINDS, 2)
        warmth.forget()
        assert not warmth.covers(KINDS, 2)
        await warmth.warm(service.fresh, KINDS, 2)
        return await warmth.parted()

    assert asyncio.run(searched()) == ""
    assert service.begun == 5


@dataclass
class _Parting:
    """A lane that looks whether it has parted together with another one."""

    both: asyncio.Barrier
    says: str = ""
    fails: bool = False
    through: bool = False

    async def parted(self) -> str:
        await self.both.wait()
        if self.fails:
            raise Unavailable("service", "it is gone", "Start it")
        await asyncio.sleep(0)
        self.through = True
        return self.says


def test_all_lanes_look_at_once_and_one_that_has_parted_is_told_of():
    async def asked():
        both = asyncio.Barrier(2)
        lanes = [_Parting(both), _Parting(both, says="tab 1 sends another statement")]
        return await asyncio.wait_for(parted(lanes, None), 10)

    assert asyncio.run(asked()) == "tab 1 sends another statement"


def test_a_lane_that_fails_is_told_of_when_the_others_are_through():
    async def asked():
        both = asyncio.Barrier(2)
        lanes = [_Parting(both, fails=True), _Parting(both)]
        with pytest.raises(Unavailable, match="it is gone"):
            await parted(lanes, None)
        return lanes[1].through

    assert asyncio.run(asked())
