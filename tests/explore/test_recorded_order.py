"""A search goes by the order in which a burst's statements came, as far as it can."""

from __future__ import annotations

import asyncio

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search import Foretold, RandomWalk, search
from paidonce.harness.explore.search.recorded_order import Beat, Recorded, recorded, statements
from paidonce.harness.explore.search.world import COMMITS
from paidonce.harness.history import Effect, Header, History
from tests.explore.lying_worlds import Do, Worlds, harmless


def effect(t, began, session, label, *, status="I", after="I", tap="postgres"):
    request = {"status": status} if session is None else {"session": session, "status": status}
    return Effect(
        t=t, tap=tap, seq=t, label=label, began=began, request=request, answer={"status": after}
    )


def burst(*effects):
    return History([Header(run="r", scenario="s", target="t"), *effects])


def test_the_order_is_that_in_which_things_came_and_were_committed():
    order = recorded(
        burst(
            effect(5, 1, 1, "LOOK", status="T", after="T"),
            effect(9, 2, 2, "WRITE"),
            effect(7, 3, 1, "WRITE"),
            effect(8, 4, None, "payment_intent.create", tap="stripe"),
        )
    )
    assert order.beats == (
        Beat("postgres 1", "postgres LOOK"),
        Beat("postgres 2", "postgres WRITE"),
        Beat("postgres 1", "postgres WRITE"),
        Beat("", "stripe payment_intent.create"),
        Beat("postgres 1", COMMITS),
        Beat("postgres 2", COMMITS),
    )
    assert statements([order]) == {
        "postgres LOOK",
        "postgres WRITE",
        "stripe payment_intent.create",
    }


EVERYTHING = Footprint(publishes=frozenset({Resource(("toy",))}))


def steps(*labels):
    return [Do(label, claims=EVERYTHING) for label in ("start", *labels)]


def followed(order, programs):
    """Who moved, once all had begun."""
    worlds = Worlds(programs)
    taken = []

    class First(Foretold):
        def commit(self, plan, run):
            if plan.key < 0:
                taken.extend(step.actor for step in run.taken if step.label != "start")
            return super().commit(plan, run)

    asyncio.run(search([worlds], harmless, First([order], RandomWalk(0, 1))))
    return taken


def beats(text):
    """Such as ``1L 2L``: L came on connection 1, then on 2."""
    return Recorded(tuple(Beat(one[0], one[1:]) for one in text.split()))


def test_it_is_followed_by_what_attempts_are_about_to_do():
    programs = {"a": steps("L", "W"), "b": steps("L", "W")}
    # Whose a connection is shows by what is done first on it.
    assert followed(beats("1L 2L 2W 1W"), programs) == ["a", "b", "b", "a"]
    assert followed(beats("1L 1W 2L 2W"), programs) == ["a", "a", "b", "b"]


def test_what_nobody_is_about_to_do_is_passed_over_and_the_rest_goes_on():
    programs = {"a": steps("L", "W"), "b": steps("M", "W")}
    assert followed(beats("1X 2M 3W 1L"), programs) == ["b", "b", "a", "a"]
    assert followed(beats("2M"), programs) == ["b", "b", "a", "a"]
