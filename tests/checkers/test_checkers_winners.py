"""Who wins: one success, and somebody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from checker_stories import Story, double, nobody_wins, status, verdict

from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status


def test_the_same_key_is_one_attempt() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay("tab 1", key="k").ok(payment_id="pi_1")
        h.pay("retry", key="k").ok(payment_id="pi_1", replayed=True)

    assert status("one-success", story) is Status.VALID


def test_success_names_both_winners() -> None:
    reason = verdict("one-success", double).reason
    assert reason == "order o1 was paid 2 times: tab 1 (operation 1) and tab 2 (operation 2)"


def test_two_intents_are_two_successes_but_intent_and_payment_are_not() -> None:
    def both(h: HistoryBuilder) -> None:
        h.create_intent().ok(payment_id="pi_1")
        h.pay().ok(payment_id="pi_1")

    def two(h: HistoryBuilder) -> None:
        h.create_intent("tab 1").ok(payment_id="pi_1")
        h.create_intent("tab 2").ok(payment_id="pi_1")

    assert status("one-success", both) is Status.VALID
    assert status("one-success", two) is Status.INVALID


def test_two_orders_may_each_be_paid() -> None:
    def story(h: HistoryBuilder) -> None:
        h.order("o2")
        h.pay(order="o1").ok(payment_id="pi_1")
        h.pay(order="o2").ok(payment_id="pi_2")

    assert status("one-success", story) is Status.VALID


@pytest.mark.parametrize(
    "winner",
    [
        lambda h: h.pay("other").unknown(),
        lambda h: h.pay("other").failed(),
        lambda h: h.pay("other").declined(),
        lambda h: h.cancel("other").ok(),
        lambda h: h.refund(10, "other").rejected("order_not_paid"),
        lambda h: h.create_intent("other").ok(payment_id="pi_1"),
        lambda h: h.webhook("pi_1").ok(),
        lambda h: h.confirm_in_browser("pi_1", "other").ok(),
    ],
)
def test_losing_to_somebody_is_no_lack_of_progress(
    winner: Callable[[HistoryBuilder], None],
) -> None:
    def story(h: HistoryBuilder) -> None:
        pay = h.pay()
        winner(h)
        pay.rejected("payment_in_progress")
        h.observed("o1", "unpaid")

    assert status("progress", story) is Status.VALID


@pytest.mark.parametrize(
    "bystander",
    [
        lambda h: h.read().ok(payment_status="unpaid"),
        lambda h: h.cancel("other").rejected("payment_in_progress"),
        lambda h: h.pay("other").rejected("not_found", status=404),
    ],
)
def test_losing_to_nobody_is(bystander: Callable[[HistoryBuilder], None]) -> None:
    def story(h: HistoryBuilder) -> None:
        pay = h.pay()
        bystander(h)
        pay.rejected("payment_in_progress")
        h.observed("o1", "processing")

    assert status("progress", story) is Status.INVALID


def test_a_decline_before_does_not_excuse_but_an_unanswered_payment_does() -> None:
    def after(first: Callable[[HistoryBuilder], None]) -> Story:
        def story(h: HistoryBuilder) -> None:
            first(h)
            nobody_wins(h)

        return story

    assert status("progress", after(lambda h: h.pay().declined())) is Status.INVALID
    assert status("progress", after(lambda h: h.pay().unknown())) is Status.VALID
    assert status("progress", after(lambda h: h.cancel().failed())) is Status.VALID


def test_a_later_winner_heals() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().rejected("payment_in_progress")
        h.pay().ok(payment_id="pi_1")
        h.observed("o1", "paid")

    assert status("progress", story) is Status.VALID


def test_progress_needs_every_order_to_be_read() -> None:
    found = verdict("progress", lambda h: h.pay().rejected("payment_in_progress"))
    assert found.status is Status.UNKNOWN
    assert found.reason == "order o1 was never read at rest"
