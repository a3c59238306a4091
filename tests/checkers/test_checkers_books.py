"""The service's books against Stripe's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from checker_stories import EVERYTHING, Story, good, lost_payment, refunded, status, verdict

from paidonce.harness.checkers.stripe_facts import ledger_of
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status


def at_rest(shown: str, payment: str | None = "pi_1", refunds: int = 0, given: int = 0) -> Story:
    """An order shown as ``shown``, for which Stripe took 5000 and gave back ``given``."""

    def story(h: HistoryBuilder) -> None:
        h.pay().ok(payment_id="pi_1")
        h.observed("o1", shown, payment_id=payment, refunded=refunds)
        h.paid_at_stripe("o1", refunded=given)

    return story


def shown_only(shown: str) -> Story:
    """An order shown as ``shown``, for which Stripe has nothing."""
    return lambda h: h.observed("o1", shown)


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (at_rest("unpaid"), "a lost payment"),
        (at_rest("processing"), "never came to rest"),
        (shown_only("processing"), "never came to rest"),
        (shown_only("paid"), "Stripe took nothing"),
        (at_rest("cancelled"), "Stripe keeps 5000"),
        (at_rest("paid", "pi_9"), "names pi_9, but was paid by ch_1 and pi_1"),
        (at_rest("paid", None), "names no payment"),
        (at_rest("paid", refunds=0, given=10), "shows 0 refunded, Stripe 10"),
        (at_rest("partially_refunded", refunds=10, given=20), "shows 10 refunded, Stripe 20"),
        (at_rest("refunded", refunds=10, given=10), "Stripe keeps 4990"),
        (at_rest("partially_refunded"), "Stripe gave back 0"),
    ],
)
def test_books_that_differ(story: Story, words: str) -> None:
    found = verdict("ledger-agrees", story)
    assert found.status is Status.INVALID
    assert words in found.reason


@pytest.mark.parametrize(
    "story",
    [
        at_rest("paid"),
        at_rest("paid", "ch_1"),
        at_rest("paid", refunds=10, given=10),
        at_rest("partially_refunded", refunds=10, given=10),
        at_rest("refunded", refunds=5000, given=5000),
        at_rest("cancelled", given=5000),
        shown_only("unpaid"),
        shown_only("cancelled"),
    ],
)
def test_books_that_agree(story: Story) -> None:
    assert status("ledger-agrees", story) is Status.VALID


def test_a_payment_that_was_told_must_exist() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay("tab 1").ok(payment_id="pi_9")
        h.observed("o1", "unpaid")

    found = verdict("ledger-agrees", story)
    assert found.status is Status.INVALID
    assert "paid by pi_9, but Stripe has no such charge" in found.reason


def test_a_service_that_names_no_payments_is_not_blamed_for_it() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().ok()
        h.observed("o1", "paid")
        h.paid_at_stripe("o1")

    assert status("ledger-agrees", story) is Status.VALID


def test_what_a_cut_off_history_lacks_proves_nothing() -> None:
    assert status("ledger-agrees", shown_only("paid"), cut=True) is Status.UNKNOWN
    assert status("ledger-agrees", lost_payment, cut=True) is Status.INVALID


def test_what_nobody_owns_may_be_what_is_missing() -> None:
    def story(h: HistoryBuilder) -> None:
        h.order("o2")
        h.pay(order="o2").ok()
        h.observed("o1", "unpaid")
        h.observed("o2", "paid")
        h.intent("pi_1", None)
        h.charge("ch_1", "pi_1", None)

    found = verdict("ledger-agrees", story)
    assert found.status is Status.UNKNOWN
    assert "pi_1 at Stripe belongs to no known order" in found.reason


def test_money_for_an_order_never_shown_is_a_doubt() -> None:
    def story(h: HistoryBuilder) -> None:
        good(h)
        h.charge("ch_2", "pi_2", "o9")

    assert status("ledger-agrees", story) is Status.UNKNOWN


def test_another_currency_is_another_amount() -> None:
    def charged(currency: str) -> Story:
        def story(h: HistoryBuilder) -> None:
            h.observed("o1", "paid", payment_id="pi_1")
            h.charge("ch_1", "pi_1", "o1", currency=currency)

        return story

    assert status("amounts-agree", charged("eur")) is Status.INVALID
    assert status("amounts-agree", charged("USD")) is Status.VALID


@pytest.mark.parametrize("told", [{"amount": 4999}, {"currency": "eur"}])
def test_the_customer_is_told_what_was_taken(told: dict[str, object]) -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().ok(payment_id="pi_1", **told)
        h.observed("o1", "paid", payment_id="pi_1")
        h.paid_at_stripe("o1")

    assert status("amounts-agree", story) is Status.INVALID


def test_refunds_told_and_given_are_equal() -> None:
    def refunds(given: int, *more: Callable[[HistoryBuilder], object]) -> Story:
        def story(h: HistoryBuilder) -> None:
            h.pay().ok(payment_id="pi_1")
            h.refund(2000, key="k").ok(amount=2000)
            for step in more:
                step(h)
            h.paid_at_stripe("o1", refunded=given)

        return story

    assert status("refunds-bounded", refunds(2000)) is Status.VALID
    assert status("refunds-bounded", refunds(1999)) is Status.INVALID
    assert status("refunds-bounded", refunds(2001)) is Status.INVALID
    assert status("refunds-bounded", refunds(1999), cut=True) is Status.UNKNOWN
    replay = refunds(2000, lambda h: h.refund(2000, key="k").ok(amount=2000, replayed=True))
    assert status("refunds-bounded", replay) is Status.VALID
    twice = refunds(2000, lambda h: h.refund(2000, key="other").ok(amount=2000))
    assert status("refunds-bounded", twice) is Status.INVALID
    for unclear in (
        lambda h: h.refund(500).unknown(),
        lambda h: h.refund(500).failed(),
        lambda h: h.cancel().ok(),
    ):
        assert status("refunds-bounded", refunds(2500, unclear)) is Status.VALID
        assert status("refunds-bounded", refunds(1500, unclear)) is Status.INVALID
    silent = refunds(5000, lambda h: h.refund(None).ok())
    assert status("refunds-bounded", silent) is Status.UNKNOWN
    assert status("refunds-bounded", refunded) is Status.VALID


def many(count: int, spoil: Callable[[HistoryBuilder], object] = lambda h: None) -> Story:
    """Orders n1, n2 ... each paid once, and o1 as ``spoil`` would have it."""

    def story(h: HistoryBuilder) -> None:
        for n in range(1, count + 1):
            h.order(f"n{n}")
            h.pay(f"client {n}").ok(payment_id=f"pi_n{n}")
            h.observed(f"n{n}", "paid", payment_id=f"pi_n{n}")
            h.charge(f"ch_n{n}", f"pi_n{n}", f"n{n}")
        spoil(h)

    return story


def paid(h: HistoryBuilder, *, charges: int = 1, wins: int = 1, shown: str = "paid") -> None:
    for n in range(wins):
        h.pay(f"tab {n}", order="o1").ok(payment_id="pi_1")
    h.observed("o1", shown, payment_id="pi_1")
    for n in range(charges):
        h.charge(f"ch_{n}", "pi_1", "o1")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda h: paid(h), Status.VALID),
        (lambda h: paid(h, wins=2), Status.INVALID),
        (lambda h: paid(h, wins=0), Status.INVALID),
        (lambda h: paid(h, charges=2), Status.INVALID),
        (lambda h: paid(h, charges=0), Status.INVALID),
        (lambda h: paid(h, shown="unpaid"), Status.INVALID),
        (lambda h: (h.pay(order="o1").unknown(), paid(h, wins=0)), Status.VALID),
        (lambda h: (h.pay(order="o1").unknown(), paid(h, charges=0)), Status.INVALID),
    ],
)
def test_each_order_is_paid_exactly_once(
    spoil: Callable[[HistoryBuilder], object], expected: Status
) -> None:
    found = verdict("independent-orders", many(3, spoil))
    assert found.status is expected
    if expected is Status.INVALID:
        assert "o1" in found.reason


def test_an_order_that_nobody_asked_to_pay_is_not_paid_and_not_charged() -> None:
    def left_alone(charges: int) -> Story:
        def spoil(h: HistoryBuilder) -> None:
            h.order("o1")
            paid(h, wins=0, charges=charges, shown="unpaid")

        return many(1, spoil)

    assert status("independent-orders", left_alone(0)) is Status.VALID
    found = verdict("independent-orders", left_alone(1))
    assert (found.status, "order o1 has 1 charge, and nobody paid it" in found.reason) == (
        Status.INVALID,
        True,
    )


def test_a_cancelled_order_whose_money_was_given_back_is_forgiven() -> None:
    def cancelled(refunds: int, shown: str = "cancelled") -> Story:
        def story(h: HistoryBuilder) -> None:
            h.cancel().ok()
            h.observed("o1", shown)
            h.paid_at_stripe("o1", refunded=refunds)

        return story

    name = "no-charge-when-cancelled"
    assert status(name, cancelled(5000)) is Status.VALID
    assert status(name, cancelled(4999)) is Status.INVALID
    # told so, even if the order forgot it again
    assert status(name, cancelled(0, "paid")) is Status.INVALID
    assert verdict(name, good).reason == "no order was cancelled"


def test_what_was_paid_for_is_handed_out_once() -> None:
    def sold(shown: str, handed_out: tuple[str, ...] | None, *, bought: bool = True) -> Story:
        def story(h: HistoryBuilder) -> None:
            if bought:
                h.checkout().ok(checkout_id="cs_1")
            h.observed("o1", shown, handed_out=handed_out)

        return story

    name = "handed-out-once"
    assert status(name, sold("paid", ("cs_1",))) is Status.VALID
    assert status(name, sold("paid", ("cs_1", "in_2", "in_3"))) is Status.VALID
    assert status(name, sold("paid", ("cs_1", "in_2", "in_2"))) is Status.INVALID
    assert status(name, sold("paid", ())) is Status.INVALID
    assert status(name, sold("unpaid", ())) is Status.VALID
    assert status(name, sold("paid", (), bought=False)) is Status.VALID
    assert status(name, sold("paid", None)) is Status.UNKNOWN


def test_a_coupon_is_used_by_as_many_orders_as_it_is_for() -> None:
    def used(most: int, *orders: str) -> Story:
        def story(h: HistoryBuilder) -> None:
            for order in orders:
                h.redeem("ONCE", most, order=order).ok(amount=4500)
            h.redeem("ONCE", most, order="o9").rejected("coupon_used_up")

        return story

    name = "coupon-limit"
    assert status(name, used(1, "o1")) is Status.VALID
    assert status(name, used(1, "o1", "o1")) is Status.VALID  # one order, asked twice
    assert status(name, used(1, "o1", "o2")) is Status.INVALID
    assert status(name, used(2, "o1", "o2")) is Status.VALID


def test_each_history_has_books_of_its_own() -> None:
    first, second = (HistoryBuilder(capabilities=EVERYTHING) for _ in range(2))
    good(first)
    refunded(second)
    histories = first.build(), second.build()
    for _ in range(2):
        assert ledger_of(histories[0])["o1"].refunded == 0
        assert ledger_of(histories[1])["o1"].refunded > 0
