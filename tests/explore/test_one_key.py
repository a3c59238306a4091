"""Calls to Stripe under one key: which are two steps, and which Stripe would refuse."""

from __future__ import annotations

from paidonce.harness.explore.control.one_key import OneKey
from paidonce.harness.explore.footprint.model import LOCAL
from paidonce.harness.explore.search.world import BEGINS, Taken
from paidonce.harness.explore.validate.stories import stories
from paidonce.harness.taps.stripe.calls import StripeCall

CREATE = "payment_intent.create"


def call(seq: int, key: str | None = "k", *, method: str = "POST", amount: str = "1") -> StripeCall:
    return StripeCall(
        seq, method, "/v1/payment_intents", CREATE, {"amount": amount}, idempotency_key=key
    )


def answered(keys: OneKey, held: StripeCall, status: int | None) -> None:
    held.status = status
    keys.answered(held)


def test_what_several_attempts_send_under_one_key_is_named() -> None:
    keys = OneKey()
    keys.sends("tab 1", call(1))
    keys.sends("tab 1", call(2))
    keys.sends("tab 2", call(3, "other"))
    keys.sends("tab 2", call(4, amount="2"))
    keys.sends("tab 2", call(5, None))
    keys.sends("tab 2", call(6, method="GET"))
    assert keys.twice == set()
    keys.sends("tab 2", call(7))
    assert keys.twice == {CREATE}


def test_nothing_is_split_before_it_is_known() -> None:
    keys, held = OneKey(), call(1)
    assert not keys.begins(held)
    assert not keys.refused(held)
    assert not keys.let_go(held)


def test_who_comes_while_another_is_under_way_is_refused() -> None:
    keys, first, second, third = OneKey({CREATE}), call(1), call(2), call(3)
    other = call(4, "other")
    assert keys.begins(first)
    assert keys.begins(second)
    assert keys.let_go(first)
    assert not keys.begins(first)
    assert keys.refused(second)
    assert keys.begins(other)
    assert not keys.let_go(second)
    assert second.in_use
    answered(keys, second, 409)
    assert keys.refused(third)
    assert not keys.let_go(first)
    assert not first.in_use
    answered(keys, first, 200)
    assert not keys.refused(third)
    assert not keys.begins(third)  # it is told the same, at once


def test_what_was_refused_before_it_was_carried_out_may_begin_again() -> None:
    for status, again in ((200, False), (402, False), (500, False), (400, True), (None, True)):
        keys, first, second = OneKey({CREATE}), call(1), call(2)
        keys.let_go(first)
        answered(keys, first, status)
        assert keys.begins(second) is again


def test_a_beginning_is_no_chapter_of_an_attempt_s_story() -> None:
    labels = ("start", BEGINS, f"stripe {CREATE}")
    taken = [Taken(actor="a", label=one, footprint=LOCAL, enabled=("a",)) for one in labels]
    assert [chapter.kind for chapter in stories(taken)["a"]] == ["start", f"stripe {CREATE}"]
