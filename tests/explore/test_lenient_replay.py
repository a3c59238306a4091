"""Following a schedule on a service that has changed: the same race as far as there is one."""

from __future__ import annotations

import asyncio

import pytest

from paidonce.harness.explore.footprint.model import EVERYTHING
from paidonce.harness.explore.search.types import Expected
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken
from paidonce.harness.explore.witness.lenient_replay import follow

READ, LOCKED = "postgres SELECT status FROM orders", "postgres SELECT status FROM orders FOR UPDATE"
CLAIM, WRITE = "postgres UPDATE orders SET claimed", "postgres UPDATE orders SET paid"
PAY, COMMIT = "stripe payment_intent.create", "postgres COMMIT"
BROKEN = ["start", READ, PAY, WRITE, COMMIT]


class Scripted:
    """Every actor does as its script says; LOCKED takes the one lock there is, COMMIT frees it."""

    def __init__(self, scripts):
        self.left = {actor: list(labels) for actor, labels in scripts.items()}
        self.holder = None
        self.waiting = []
        self.closed = False

    async def fresh(self):
        return self

    def pending(self):
        return tuple(
            Pending(actor=actor, label=labels[0], footprint=EVERYTHING)
            for actor, labels in self.left.items()
            if labels and actor not in self.waiting
        )

    async def step(self, actor):
        enabled = tuple(one.actor for one in self.pending())
        label = self.left[actor].pop(0)
        blocked, woken = False, ()
        if label == LOCKED:
            blocked = self.holder is not None
            if blocked:
                self.waiting.append(actor)
                self.left[actor].insert(0, "answer")
            else:
                self.holder = actor
        elif label == COMMIT and self.holder == actor:
            self.holder = self.waiting.pop(0) if self.waiting else None
            woken = (self.holder,) if self.holder else ()
        return Taken(
            actor=actor,
            label=label,
            footprint=EVERYTHING,
            enabled=enabled,
            blocked=blocked,
            woken=woken,
        )

    async def finish(self):
        assert not self.pending()
        return "over"

    async def close(self):
        self.closed = True


def schedule(*steps):
    return [Expected(actor=actor, label=label) for actor, label in steps]


RACE = schedule(
    *(("a", label) for label in ("start", READ)),
    *(("b", label) for label in ("start", READ, PAY, WRITE, COMMIT)),
    *(("a", label) for label in (PAY, WRITE, COMMIT)),
)


def followed(script, steps=RACE, **more):
    world = Scripted({"a": script, "b": script})
    found = asyncio.run(follow(world, steps, **more))
    assert world.closed
    return found


def moves(found):
    return [(step.actor, step.label) for step in found.taken]


def test_a_service_that_did_not_change_is_followed_step_for_step():
    found = followed(BROKEN)
    assert found.departure is None
    assert found.outcome == "over"
    assert moves(found) == [(step.actor, step.label) for step in RACE]


def test_who_can_move_is_compared_where_the_schedule_says_it():
    steps = [Expected(actor="a", label="start", enabled=("a",)), *RACE[1:]]
    found = followed(BROKEN, steps)
    assert found.departure is not None
    assert (found.departure.step, found.departure.expected) == (1, "that a can move")
    assert len(found.taken) == len(RACE)


def test_where_a_lock_was_added_the_other_comes_as_far_as_the_lock_lets_it():
    found = followed(["start", LOCKED, PAY, WRITE, COMMIT])
    assert found.departure is not None
    assert found.departure.step == 2
    assert moves(found) == [
        ("a", "start"),
        ("a", LOCKED),
        ("b", "start"),
        ("b", LOCKED),
        ("a", PAY),
        ("a", WRITE),
        ("a", COMMIT),
        ("b", "answer"),
        ("b", PAY),
        ("b", WRITE),
        ("b", COMMIT),
    ]


def test_a_read_that_was_added_goes_by_and_the_race_stays():
    extra = "postgres SELECT version FROM settings"
    assert moves(followed(["start", extra, READ, PAY, WRITE, COMMIT]))[:6] == [
        ("a", "start"),
        ("a", extra),
        ("a", READ),
        ("b", "start"),
        ("b", extra),
        ("b", READ),
    ]


def test_a_write_that_was_added_does_not_go_by_on_the_way_to_a_read():
    # Both have read before either claims: whether the claim decides is the question.
    found = moves(followed(["start", "postgres SELECT claim FROM t", CLAIM, PAY, COMMIT]))
    assert found[:6] == [
        ("a", "start"),
        ("a", "postgres SELECT claim FROM t"),
        ("b", "start"),
        ("b", "postgres SELECT claim FROM t"),
        ("b", CLAIM),
        ("b", PAY),
    ]
    assert found.index(("a", CLAIM)) > found.index(("b", COMMIT))


def test_a_call_to_stripe_does_not_go_by_on_the_way_to_a_statement():
    other = "stripe payment_intent.confirm"
    found = moves(followed(["start", READ, other, WRITE, COMMIT]))
    assert found.index(("b", READ)) < found.index(("a", other))


def test_a_step_that_is_gone_is_left_out():
    found = followed(["start", READ, COMMIT])
    assert found.departure is not None
    assert found.departure.found == repr(COMMIT)
    assert [label for actor, label in moves(found) if actor == "a"] == ["start", READ, COMMIT]


def test_what_is_left_at_the_end_is_played_out():
    found = followed(BROKEN, RACE[:4])
    assert found.departure is not None
    assert (found.departure.step, found.departure.expected) == (5, "the end")
    assert moves(found)[4:] == [
        *(("b", label) for label in (PAY, WRITE, COMMIT)),
        *(("a", label) for label in (PAY, WRITE, COMMIT)),
    ]


def test_an_endless_execution_is_ended_and_the_world_closed():
    world = Scripted({"a": ["start"] * 50, "b": []})
    with pytest.raises(InvalidRun, match="did not end within 10 steps"):
        asyncio.run(follow(world, schedule(("a", "start")), max_steps=10))
    assert world.closed
