"""What is available is what all movements come to, whenever and however often it is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidonce.harness.simulator.domain import balance, booking, maturing
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.state import World

MOVES = st.tuples(
    st.just("book"),
    st.sampled_from(["usd", "eur"]),
    st.integers(-500, 500),
    st.integers(0, 40),
)
ASKS = st.tuples(st.just("ask"), st.sampled_from(["usd", "eur"]), st.just(0), st.integers(0, 40))
STEPS = st.lists(MOVES | ASKS, max_size=30)


def _walk(steps: list[Any]) -> None:
    now = 0.0
    world = World(IdSource(1), lambda: now)
    for what, currency, amount, time in steps:
        if what == "book":
            booking.book(
                world,
                kind="adjustment",
                amount=amount,
                fee=3,
                currency=currency,
                source="ch_1",
                available_on=time,
            )
            continue
        now = time  # a test clock may stand at an earlier time than another
        mine = [one for one in world.balance_transactions if one.currency == currency]
        there = sum(one.net for one in mine if one.available_on <= now)
        assert booking.available(world, currency) == there
        shown = balance.of(world)
        pending = {one["currency"]: one["amount"] for one in shown.pending}
        assert pending.get(currency, 0) == sum(one.net for one in mine) - there


@given(STEPS)
def test_what_is_available_is_what_all_movements_come_to(steps: list[Any]) -> None:
    _walk(steps)


def test_what_was_counted_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(IdSource(1), lambda: 10.0)
    looked = []
    newest = world.balance_transactions.newest
    monkeypatch.setattr(
        world.balance_transactions, "newest", lambda count: looked.append(count) or newest(count)
    )
    for number in range(5):
        booking.book(world, kind="adjustment", amount=number, fee=0, currency="usd", source="ch_1")
        booking.available(world, "usd")
    assert looked == [1] * 5


def test_a_count_that_does_not_begin_again_at_an_earlier_time_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = [("book", "usd", 100, 20), ("ask", "usd", 0, 30), ("ask", "usd", 0, 10)]
    _walk(steps)
    forget = maturing.MaturedMoney._forget
    monkeypatch.setattr(
        maturing.MaturedMoney,
        "_forget",
        lambda self: None if hasattr(self, "_later") else forget(self),
    )
    with pytest.raises(AssertionError):
        _walk(steps)
