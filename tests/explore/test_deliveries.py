"""When a refused webhook is delivered again, and who waits for an event that is not there yet."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.failing import Failing
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.next_steps import SERVICE
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.search.world import InvalidRun

IN_TURN = Mode(in_turn=True)


class Control:
    """Players where they are, and nothing that moves them."""

    def __init__(self, players):
        self.players = {player.name: player for player in players}

    def change(self):
        pass

    def open(self):
        for player in self.players.values():
            player.again.set()

    async def leave(self):
        self.open()


def world(*players, **more):
    names = SimpleNamespace(footprint=lambda _, footprint: footprint)
    reader = SimpleNamespace(names=names, expected=lambda _: None, open_sessions=lambda _: ())
    nothing = dict.fromkeys(("script", "bench", "memory", "execution", "end_recording"))
    made = {"control": Control(players), "reader": reader, "failing": Failing(reader)}
    return ServiceWorld(**{**nothing, **made, **more})


def choices(made):
    return [one.actor for one in made.pending() if not one.deferred]


def refused(name="delivery", **more):
    return Player(name, at=At.AGAIN, **more)


def test_a_refused_webhook_may_come_again_while_others_are_under_way():
    page = Player("page", at=At.ANSWER)
    assert choices(world(page, refused(left_behind=True), mode=IN_TURN)) == ["page", "delivery"]
    assert choices(world(page, refused())) == ["page", "delivery"]


def test_where_the_refused_delivery_left_nothing_behind_it_is_enough_to_come_last():
    page, again = Player("page", at=At.ANSWER), refused()
    made = world(page, again, mode=IN_TURN)
    assert [(one.actor, one.deferred) for one in made.pending()] == [
        ("page", False),
        ("delivery", True),
    ]
    page.at = At.DONE
    assert choices(made) == ["delivery"]


def test_it_does_not_come_again_without_end_while_others_stand_still():
    page = Player("page", at=At.ANSWER)
    assert choices(world(page, refused(left_behind=True, deliveries=3))) == ["page"]
    assert choices(world(refused("a", deliveries=3), refused("b", deliveries=3))) == ["a"]


def test_somebody_who_waits_for_a_refused_webhook_is_no_reason_to_wait_for_them():
    inside = Player("page", at=At.INSIDE)
    assert choices(world(inside, refused(), mode=IN_TURN)) == ["delivery"]


def test_who_waits_for_an_event_cannot_move_and_is_not_stuck():
    waiting = Player("stripe", at=At.EVENT, absent=True)
    made = world(waiting, Player("seller", at=At.DONE))
    assert choices(made) == []
    made.complain_if_stuck()
    waiting.absent = False
    assert choices(made) == ["stripe"]
    with pytest.raises(InvalidRun, match="stripe is about to deliver an event"):
        made.complain_if_stuck()


def test_what_an_attempt_begins_with_may_come_into_being():
    there = set()

    async def may_begin(name):
        return name in there

    player = Player("stripe", absent=True)
    performance = SimpleNamespace(may_begin=may_begin)
    made = world(player, execution=SimpleNamespace(performance=performance))

    async def story():
        await made.surroundings.look_ahead()
        assert choices(made) == []
        there.add("stripe")
        await made.surroundings.look_ahead()
        assert choices(made) == ["stripe"]

    asyncio.run(story())


def test_an_event_that_never_came_was_never_delivered():
    async def story():
        made = world(Player("stripe", at=At.MOVING))

        async def ready():
            return False

        waits = asyncio.ensure_future(made.surroundings.until("stripe", ready, lambda: False))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert made.control.players["stripe"].absent
        await made.close()
        assert await waits is False

    asyncio.run(story())


def test_nothing_goes_wrong_with_the_statement_by_which_time_passes():
    failing = Failing(SimpleNamespace(), frozenset({"any"}))
    passing = Player("lease over", at=At.TAP, ours=Footprint())
    assert failing.at(passing) is None
    assert failing.lets_go(passing) is None
    assert not failing.could.offers


def test_what_an_attempt_did_before_it_delivers_is_not_left_behind_by_the_delivery():
    """It confirms at Stripe, and delivers what comes of that: only the second may be refused."""
    player = Player("tab", at=At.TAP, touched=Footprint(publishes=SERVICE))
    made = world(player, mode=IN_TURN)
    made.surroundings.delivers("tab")
    made.deliveries.leave_behind(player, player.touched)
    assert not player.left_behind
    made.deliveries.leave_behind(player, player.touched)
    assert player.left_behind
