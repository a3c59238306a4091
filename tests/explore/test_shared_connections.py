"""Attempts that send on one connection: who may be overtaken, and what is told of it."""

from __future__ import annotations

import pytest
from test_control import Line, Stage, Unit, bounded

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.shared_connections import overtaking


@pytest.mark.parametrize("earlier", [0, 1])
def test_what_waits_behind_a_unit_is_its_senders_and_comes_in_the_others_step(earlier):
    async def main():
        stage = Stage()
        for player in (stage.one, stage.two):
            for _ in range(earlier):
                stage.control.let_go(player)
                stage.sends(Unit(len(stage.tasks) + 1, session=player.name))
                await stage.control.rest(player)
        stage.control.let_go(stage.one)
        first = Unit(11, label="first", session="line")
        ahead = stage.sends(first)
        await stage.control.rest(stage.one)
        stage.control.let_go(stage.two)
        second = Unit(12, label="second", session="line")
        stage.control.queued(second, Line())
        await stage.control.rest(stage.two)
        assert stage.two.at is At.INSIDE
        # Both of them move in this step, and nothing but what was seen before tells them apart.
        stage.control.let_go(stage.one)
        await ahead
        stage.sends(second)
        stage.sends(Unit(13, label="third", session="other"))
        assert await stage.control.rest(stage.one) == ("two",)
        assert [unit.label for unit in stage.two.held] == ["second"]
        assert [unit.label for unit in stage.one.held] == ["third"]
        assert bool(stage.reader.shared) == bool(earlier)
        stage.close()

    bounded(main())


def test_a_connection_that_is_waited_for_inside_is_shared_all_the_same():
    async def main():
        stage = Stage()
        for player in (stage.one, stage.two):
            stage.control.let_go(player)
            stage.sends(Unit(len(stage.tasks) + 1, session=player.name))
            await stage.control.rest(player)
        stage.control.let_go(stage.one)
        stage.sends(Unit(11, session="line"))
        await stage.control.rest(stage.one)
        assert await stage.moves(stage.two) == ()
        assert stage.two.at is At.INSIDE
        stage.control.let_go(stage.one)
        stage.one.told = True
        stage.sends(Unit(12, label="second", session="line"))
        assert await stage.control.rest(stage.one) == ("two",)
        assert stage.reader.shared == ["second"]
        stage.close()

    bounded(main())


@pytest.mark.parametrize(
    ("ahead", "behind", "attempts", "matters"),
    [
        (1, 1, 2, False),
        (2, 1, 2, False),
        (1, 2, 2, False),
        (2, 2, 2, True),
        (1, 2, 3, False),
        (2, 1, 3, True),
        (2, 2, 3, True),
    ],
)
def test_what_is_first_of_its_attempt_can_be_sent_in_another_order(
    ahead, behind, attempts, matters
):
    one, two = Player("one", moves=ahead), Player("two", moves=behind)
    assert overtaking(one, two, range(attempts)) is matters
    assert not overtaking(one, one, range(attempts))
