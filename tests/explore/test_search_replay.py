"""Schedules that are followed exactly, and made again where the server served another first."""

from __future__ import annotations

import asyncio
import itertools

from toy_worlds import ToyWorlds

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search.execute import Waiting
from paidonce.harness.explore.search.replay import bare, expectations, replay
from paidonce.harness.explore.search.types import SERVINGS
from paidonce.harness.explore.search.world import Taken

IN_TURN = (("lock", "m"), ("unlock", "m"))
THREE = {"a": IN_TURN, "b": IN_TURN, "c": IN_TURN}


def served_last_first():
    """Return an execution in which two wait, and is served first who came last."""
    worlds = ToyWorlds(THREE, serves=lambda: -1)
    return expectations(asyncio.run(replay(worlds, bare(tuple("abcacb")))).run.taken)


def test_who_is_served_is_up_to_the_server_and_tried_again():
    served = itertools.count()
    worlds = ToyWorlds(THREE, serves=lambda: -1 if next(served) == 2 else 0)
    found = asyncio.run(replay(worlds, served_last_first()))
    assert found.divergence is None
    assert worlds.begun == 3, "the first two served another"


def test_one_that_is_never_served_so_is_told_at_last():
    worlds = ToyWorlds(THREE)
    found = asyncio.run(replay(worlds, served_last_first()))
    assert str(found.divergence).startswith("step 5: expected that c can move")
    assert worlds.begun == SERVINGS + 1
    assert worlds.open == 0


def test_another_way_where_nobody_waited_is_not_tried_again():
    worlds = ToyWorlds({"a": IN_TURN})
    found = asyncio.run(replay(worlds, bare(tuple("aaa"))))
    assert found.divergence is not None
    assert worlds.begun == 1


def row(**key):
    return Resource(("pg", "public.orders"), tuple(sorted(key.items())))


def waits(actor, *rows):
    locks = Footprint(locks=frozenset(rows))
    return Taken(actor=actor, label="waits", footprint=locks, enabled=(actor,), blocked=True)


def test_two_wait_for_the_same_row_whatever_else_their_conditions_say():
    lets_go = Taken(actor="a", label="commit", footprint=Footprint(), enabled=("a",), woken=("c",))
    for first, then, passed in (
        (row(id="1"), row(id="1", status="unpaid"), "b"),
        (row(id="1"), row(id="1"), "b"),
        (row(id="2"), row(id="1"), None),
    ):
        waiting = Waiting()
        waiting.widened(waits("b", first))
        waiting.widened(waits("c", then))
        assert waiting.passed_over(lets_go) == passed
    waiting = Waiting()
    waiting.widened(waits("b", row(id="1"), row(id="2")))
    waiting.widened(waits("c", row(id="1")))
    assert waiting.passed_over(lets_go) is None, "b may have what both want, and wait for more"
