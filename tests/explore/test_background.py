"""What a service does by itself: known when it comes, and disturbing only where it can matter."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from paidonce.harness.explore.control.attempts import Player
from paidonce.harness.explore.control.attribution_learnt import Habits
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.footprint.model import Footprint, Resource

ORDERS = frozenset({Resource(("pg", "public.orders"))})
BEATS = frozenset({Resource(("pg", "public.heartbeats"))})


@dataclass(eq=False)
class Unit:
    label: str
    tap: str = "postgres"
    seq: int = 1
    attempt: str | None = None


def test_what_was_learnt_is_known_by_its_label_and_what_a_person_said_by_its_pattern() -> None:
    background = Background(("PING*",), {"postgres SELECT ?"})
    assert background.knows(Unit("SELECT ?"))
    assert background.knows(Unit("PING one", tap="redis"))
    assert not background.knows(Unit("SELECT ?", tap="stripe"))
    assert not Background().expected


@pytest.mark.parametrize(
    ("footprint", "session", "disturbs"),
    [
        (Footprint(locks=BEATS, publishes=BEATS), "s1", False),
        (Footprint(locks=ORDERS, publishes=ORDERS), "s1", True),
        (Footprint(locks=ORDERS, publishes=ORDERS), "s2", True),
        (Footprint(looks=ORDERS), "s2", False),
        (Footprint(looks=ORDERS), "s1", True),
    ],
    ids=["elsewhere", "writes", "writes on its own", "looks on its own", "may be an attempt's"],
)
def test_it_disturbs_where_it_can_matter_whose_it_was(footprint, session, disturbs) -> None:
    background = Background(learnt={"postgres X"})
    background.attempted("s1", Footprint(ORDERS, ORDERS, ORDERS))
    background.passed(Unit("X"), session, footprint)
    background.settle()
    assert bool(background.disturbing) is disturbs
    background.disturbing.clear()
    background.settle()
    assert not background.disturbing, "the next execution is judged by itself"


def test_habits_tell_apart_only_what_they_know() -> None:
    habits = Habits({"one": "pay", "two": "pay", "other": "cancel"})
    first = Player("one")
    for label in ("read", "charge", "write"):
        habits.learn(first, label)
    early, late, other = Player("two"), Player("one", past=("read",)), Player("other")
    assert habits.whose("charge", [early, late]) is late
    assert habits.whose("read", [early, late]) is early
    assert habits.whose("write", [early, late]) is None
    assert habits.whose("read", [early, other]) is None, "nothing is known of a cancellation"
    assert habits.whose("read", [early, Player("one")]) is None


def test_what_was_sent_at_once_is_forgotten_once_more_is_known_to_be_the_services_own():
    background = Background()
    background.at_once.found = True
    background.disturbing["postgres UPDATE"] = "it touches what attempts do"
    background.one_order("tab 1", "postgres UPDATE beats", "postgres SELECT")
    background.nothing_at_once()
    assert list(background.disturbing) == ["postgres UPDATE"]
    assert not background.at_once.found
