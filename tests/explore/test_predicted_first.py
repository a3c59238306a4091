"""Orders that are tried first: found sooner, and nothing else about the search is different."""

from __future__ import annotations

import pytest
from toy_worlds import explore, harmless, verdict

from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.search import (
    BadOrder,
    Bounded,
    DepthFirst,
    Ending,
    Foretold,
    RandomWalk,
    Reduced,
)
from paidonce.harness.explore.search.world import COMMITS, Pending, Taken

QUIET = tuple(("read", f"page {number}") for number in range(3))
SHOP = dict.fromkeys("abc", (*QUIET, ("read", "x"), ("read", "tax"), ("add", "x")))
UPDATES = dict.fromkeys("ab", (("read", "tax"), ("read", "x"), ("add", "x")))
LOCKED = dict.fromkeys("ab", (("lock", "m"), ("read", "x"), ("add", "x"), ("unlock", "m")))
EXPECTED = BadOrder(reader="b", label="('read', 'x')", rival="c")


def lost_update(outcome):
    values, _, _ = outcome
    return verdict(dict(values).get("x") != 3)


def test_the_expected_order_is_the_first_execution():
    result, worlds = explore(SHOP, Foretold([EXPECTED], Reduced()), lost_update)
    assert result.found[0].execution.number == 1
    (taken,) = worlds.finished
    movers = [step.actor for step in taken]
    assert movers == ["b"] * 4 + ["c"] * 6 + ["b"] * 2 + ["a"] * 6


def test_an_occurrence_is_counted_among_the_readers_own_steps():
    programs = dict.fromkeys("ab", (("read", "x"), ("read", "x"), ("add", "x")))
    order = BadOrder(reader="b", label="('read', 'x')", occurrence=2, rival="a")
    _, worlds = explore(programs, Foretold([order], Reduced()), harmless)
    assert [step.actor for step in worlds.finished[0]] == list("bbaaab")


@pytest.mark.parametrize("make", [Reduced, DepthFirst, lambda: Bounded(1), lambda: Bounded(9)])
@pytest.mark.parametrize("programs", [UPDATES, LOCKED])
def test_what_is_complete_and_what_it_comes_to_stay_as_they_were(make, programs):
    orders = [
        EXPECTED,
        BadOrder(reader="a", label="('read', 'x')", rival="b"),
        BadOrder(reader="a", label="never made", rival="nobody"),
    ]
    plain, _ = explore(programs, make(), stop_at_first=False)
    told, _ = explore(programs, Foretold(orders, make()), stop_at_first=False)
    assert (told.ending, told.coverage, told.reason) == (plain.ending, plain.coverage, plain.reason)
    assert set(told.outcomes) >= set(plain.outcomes)
    if plain.ending is Ending.COMPLETE:
        assert set(told.outcomes) == set(plain.outcomes)
    assert told.counts.executions == plain.counts.executions + len(orders)


def test_sampling_goes_on_as_its_seed_says():
    plain, alone = explore(SHOP, RandomWalk(3, 5))
    told, after = explore(SHOP, Foretold([EXPECTED, EXPECTED], RandomWalk(3, 5)))
    assert after.finished[1:] == alone.finished
    assert told.coverage == plain.coverage


def test_who_cannot_move_is_no_obstacle():
    order = BadOrder(reader="a", label="('read', 'x')", rival="b")
    result, worlds = explore(LOCKED, Foretold([order], Reduced()))
    assert result.ending is Ending.COMPLETE
    assert [step.actor for step in worlds.finished[0]] == list("aabaabbb")


def test_a_read_that_commits_by_itself_is_over_before_the_rival_comes():
    """Else its lock would be in the rival's way: SKIP LOCKED would look past the row."""
    guide = BadOrder(reader="a", label="read", rival="b").guide()
    moves = {"a": ["start", "read", COMMITS, "write", COMMITS], "b": ["read", COMMITS, "write"]}
    took = []
    while any(moves.values()):
        pending = tuple(
            Pending(actor=name, label=labels[0], footprint=Footprint())
            for name, labels in moves.items()
            if labels
        )
        actor = guide.choose(pending)
        enabled = tuple(one.actor for one in pending)
        label = moves[actor].pop(0)
        guide.took(Taken(actor=actor, label=label, footprint=Footprint(), enabled=enabled))
        took.append(actor)
    assert "".join(took) == "aaabbbaa"
