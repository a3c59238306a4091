"""Subscriptions and invoices in the time of a test clock: what is paid, when, and how often."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from payment_world import CAUSE, event_types

from paidonce.harness.simulator.domain import (
    agenda,
    catalog,
    changing,
    clocks,
    coupons,
    customers,
    intents,
    invoice_drafts,
    invoice_items,
    invoices,
    payment_methods,
    subscribing,
    subscriptions,
)
from paidonce.harness.simulator.domain.billing_objects import Invoice, Subscription
from paidonce.harness.simulator.domain.coupons import CreateCoupon, WantedDiscount
from paidonce.harness.simulator.domain.errors import Declined, StripeError
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.periods import after, boundary
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import (
    CreateSubscription,
    UpdateSubscription,
    WantedItem,
)

START = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp())
DAY = 86_400
HOUR = 3600


class Shop:
    """A world with a clock, a customer in its time, and what is sold by the month."""

    def __init__(self, card: str | None = "pm_card_visa") -> None:
        self.world = World(IdSource(7), lambda: 1_700_000_000.0)
        self.clock = clocks.create(self.world, START, None, CAUSE).id
        made = customers.create(self.world, {"test_clock": self.clock}, {}, CAUSE)
        self.customer = made.id
        if card is not None:
            self.pays_with(card)

    def pays_with(self, card: str) -> None:
        method = payment_methods.attach(self.world, card, self.customer, CAUSE)
        customers.settle(self.world, self.customer, {"default_payment_method": method.id})

    def price(self, amount: int, interval: str = "month") -> str:
        request = catalog.CreatePrice(
            currency="usd",
            unit_amount=amount,
            recurring={
                "interval": interval,
                "interval_count": 1,
                "meter": None,
                "usage_type": "licensed",
            },
            product_data=catalog.CreateProduct(name="Tea"),
        )
        return catalog.create_price(self.world, request, CAUSE).id

    def subscribe(self, price: str, **more: Any) -> Subscription:
        request = CreateSubscription(
            customer=self.customer, items=(WantedItem(price=price),), **more
        )
        with clocks.time_of(self.world, self.customer):
            return subscriptions.create(self.world, request, CAUSE)

    def update(self, subscription: str, **more: Any) -> Subscription:
        with clocks.time_of(self.world, self.customer):
            return changing.update(self.world, subscription, UpdateSubscription(**more), CAUSE)

    def advance(self, to: int) -> None:
        agenda.advance(self.world, self.clock, to, CAUSE)

    def shown(self, subscription: Subscription) -> Subscription:
        return self.world.subscriptions[subscription.id]

    def latest(self, subscription: Subscription) -> Invoice:
        latest = self.shown(subscription).latest_invoice
        assert latest is not None
        return self.world.invoices[latest]

    @property
    def brought(self) -> int:
        return sum(one.amount for one in self.world.balance_transactions)


def test_months_are_those_of_the_calendar() -> None:
    dates = [
        datetime.fromtimestamp(boundary(START, "month", 1, n), UTC).strftime("%m-%d")
        for n in range(4)
    ]
    assert dates == ["01-31", "02-28", "03-31", "04-30"]
    assert after(START, "month", 1, START) == boundary(START, "month", 1, 1)
    assert after(START, "year", 1, START) == boundary(START, "month", 1, 12)
    assert after(START, "week", 2, START + 15 * DAY) == START + 28 * DAY


def test_a_subscription_is_paid_at_once_and_an_hour_after_every_period() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(500))
    assert subscription.status == "active"
    assert shop.brought == 500
    renewal = boundary(START, "month", 1, 1)
    shop.advance(renewal)
    assert shop.latest(subscription).status == "draft"
    assert shop.latest(subscription).billing_reason == "subscription_cycle"
    assert shop.brought == 500
    shop.advance(renewal + HOUR)
    assert shop.latest(subscription).status == "paid"
    assert shop.latest(subscription).created == renewal
    assert shop.brought == 1000
    shop.advance(boundary(START, "month", 1, 6) + HOUR)
    assert shop.brought == 3500
    assert len(shop.world.invoices) == 7


def test_on_the_simulated_clock_each_thing_happens_at_its_time_too() -> None:
    """Two months in one go: whoever has no test clock is renewed as well, and dated right."""
    now = float(START)
    world = World(IdSource(7), lambda: now)
    shop = Shop.__new__(Shop)
    shop.world, shop.customer = world, customers.create(world, {}, {}, CAUSE).id
    shop.pays_with("pm_card_visa")
    subscription = shop.subscribe(shop.price(500))
    renewals = [boundary(START, "month", 1, n) for n in (1, 2)]
    now = renewals[1] + HOUR + 1.0
    agenda.run_due(world)
    assert [one.created for one in world.invoices] == [START, *renewals]
    assert {one.status for one in world.invoices} == {"paid"}
    assert shop.latest(subscription).created == renewals[1]
    assert shop.brought == 1500
    assert world.now() == int(now)


def test_the_events_of_a_first_payment_come_in_their_order() -> None:
    shop = Shop()
    before = len(shop.world.events)
    shop.subscribe(shop.price(500))
    assert event_types(shop.world)[before + 2 :] == [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.updated",
    ]


def test_without_anything_to_pay_with_nothing_is_made() -> None:
    shop = Shop(card=None)
    with pytest.raises(StripeError) as refused:
        shop.subscribe(shop.price(500))
    assert refused.value.error.code == "resource_missing"
    assert not len(shop.world.subscriptions)


def test_a_first_payment_that_is_declined_leaves_it_incomplete_and_it_expires() -> None:
    shop = Shop("pm_card_chargeCustomerFail")
    subscription = shop.subscribe(shop.price(500))
    assert subscription.status == "incomplete"
    assert shop.latest(subscription).status == "open"
    shop.advance(START + 23 * HOUR)
    assert shop.shown(subscription).status == "incomplete_expired"
    assert shop.latest(subscription).status == "void"
    assert shop.brought == 0


def test_an_incomplete_subscription_is_active_once_its_intent_is_paid() -> None:
    shop = Shop(card=None)
    subscription = shop.subscribe(
        shop.price(500),
        payment_behavior="default_incomplete",
        extras={
            "payment_settings": {
                "payment_method_options": None,
                "payment_method_types": None,
                "save_default_payment_method": "on_subscription",
            }
        },
    )
    assert subscription.status == "incomplete"
    payment = invoices.payment_of(shop.world, shop.latest(subscription).id)
    assert payment is not None
    from payment_world import VISA, pay

    pay(shop.world, payment.payment["payment_intent"], VISA)
    assert shop.shown(subscription).status == "active"
    assert shop.latest(subscription).status_transitions["paid_at"] == START
    assert shop.shown(subscription).default_payment_method is not None
    shop.advance(boundary(START, "month", 1, 1) + HOUR)
    assert shop.brought == 1000


def test_an_error_is_wanted_where_it_does_not_pay_and_nothing_is_left() -> None:
    shop = Shop("pm_card_chargeCustomerFail")
    with pytest.raises(StripeError) as refused:
        shop.subscribe(shop.price(500), payment_behavior="error_if_incomplete")
    assert refused.value.status == 402
    assert not len(shop.world.subscriptions)
    assert not len(shop.world.charges)


def test_a_renewal_that_fails_is_tried_three_times_more_and_then_it_ends() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(500))
    shop.pays_with("pm_card_chargeCustomerFail")
    renewal = boundary(START, "month", 1, 1) + HOUR
    shop.advance(renewal)
    assert shop.shown(subscription).status == "past_due"
    assert shop.latest(subscription).next_payment_attempt == renewal + 3 * DAY
    shop.advance(renewal + 8 * DAY)
    assert shop.latest(subscription).attempt_count == 3
    shop.advance(renewal + 15 * DAY)
    assert shop.shown(subscription).status == "canceled"
    assert shop.latest(subscription).status == "open"
    assert shop.shown(subscription).cancellation_details["reason"] == "payment_failed"
    assert shop.brought == 500


def test_a_renewal_that_is_paid_later_makes_it_active_again() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(500))
    shop.pays_with("pm_card_chargeCustomerFail")
    renewal = boundary(START, "month", 1, 1) + HOUR
    shop.advance(renewal)
    shop.pays_with("pm_card_visa")
    shop.advance(renewal + 3 * DAY)
    assert shop.shown(subscription).status == "active"
    assert shop.latest(subscription).attempt_count == 2
    assert shop.brought == 1000


def test_an_invoice_is_paid_once() -> None:
    shop = Shop()
    invoice = _owed(shop, 900)
    assert invoices.pay(shop.world, invoice, None, CAUSE).status == "paid"
    with pytest.raises(StripeError, match="already paid"):
        invoices.pay(shop.world, invoice, None, CAUSE)
    assert shop.brought == 900


def test_an_invoice_whose_payment_is_declined_may_be_paid_with_another_card() -> None:
    shop = Shop("pm_card_chargeCustomerFail")
    invoice = _owed(shop, 900)
    with pytest.raises(Declined):
        invoices.pay(shop.world, invoice, None, CAUSE)
    assert shop.world.invoices[invoice].attempt_count == 1
    source = PaymentSource(payment_method="pm_card_visa")
    assert invoices.pay(shop.world, invoice, source, CAUSE).status == "paid"
    assert shop.world.invoices[invoice].amount_remaining == 0


@pytest.mark.parametrize("end", [invoices.void, invoices.mark_uncollectible])
def test_what_is_not_open_any_more_is_not_ended_twice(end: Any) -> None:
    shop = Shop()
    invoice = _owed(shop, 900)
    invoices.finalize(shop.world, invoice, CAUSE)
    end(shop.world, invoice, CAUSE)
    with pytest.raises(StripeError):
        end(shop.world, invoice, CAUSE)


def test_the_intent_of_an_invoice_is_given_up_by_voiding_it_and_by_nothing_else() -> None:
    shop = Shop()
    invoice = _owed(shop, 900)
    invoices.finalize(shop.world, invoice, CAUSE)
    payment = invoices.payment_of(shop.world, invoice)
    assert payment is not None
    intent = payment.payment["payment_intent"]
    with pytest.raises(StripeError, match="Void the Invoice"):
        intents.cancel(shop.world, intent, None, CAUSE)
    invoices.void(shop.world, invoice, CAUSE)
    assert shop.world.intents[intent].status == "canceled"


def test_a_trial_costs_nothing_until_it_is_over() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(500), trial_days=10)
    assert subscription.status == "trialing"
    assert shop.latest(subscription).amount_due == 0
    shop.advance(START + 7 * DAY)
    assert "customer.subscription.trial_will_end" in event_types(shop.world)
    shop.advance(START + 10 * DAY + HOUR)
    assert shop.shown(subscription).status == "active"
    assert shop.brought == 500


@pytest.mark.parametrize(
    ("behavior", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", None)]
)
def test_a_trial_with_nothing_to_pay_with_ends_as_it_was_asked(
    behavior: str, status: str | None
) -> None:
    shop = Shop(card=None)
    subscription = shop.subscribe(shop.price(500), trial_days=10, missing_method=behavior)
    shop.advance(START + 10 * DAY + HOUR)
    assert shop.shown(subscription).status == (status or "past_due")


def test_half_a_period_at_another_price_costs_half_the_difference() -> None:
    shop = Shop()
    cheap, dear = shop.price(1000), shop.price(3000)
    subscription = shop.subscribe(cheap)
    end = boundary(START, "month", 1, 1)
    middle = START + (end - START) // 2
    shop.advance(middle)
    item = subscription.items.data[0].id
    shop.update(subscription.id, items=(WantedItem(id=item, price=dear),))
    waiting = invoice_items.pending(shop.world, shop.customer, "usd")
    assert [one.amount for one in waiting] == [-500, 1500]
    shop.advance(end + HOUR)
    assert shop.latest(subscription).amount_paid == 3000 + 1000
    assert shop.brought == 1000 + 4000


def test_the_difference_is_paid_at_once_where_that_is_asked() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(1000))
    end = boundary(START, "month", 1, 1)
    shop.advance(START + (end - START) // 2)
    item = subscription.items.data[0].id
    wanted = WantedItem(id=item, quantity=3)
    shop.update(subscription.id, items=(wanted,), proration="always_invoice")
    assert shop.latest(subscription).amount_paid == 1000
    assert shop.brought == 2000


def test_another_interval_begins_at_once_and_gives_back_what_is_left() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(1000))
    end = boundary(START, "month", 1, 1)
    now = START + (end - START) // 2
    shop.advance(now)
    item = subscription.items.data[0].id
    shop.update(subscription.id, items=(WantedItem(id=item, price=shop.price(9000, "year")),))
    assert shop.latest(subscription).amount_paid == 9000 - 500
    assert subscribing.period_of(shop.shown(subscription)) == (now, after(now, "year", 1, now))


def test_a_credit_that_is_left_is_the_customers_balance_and_pays_next() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(9000))
    shop.advance(START + HOUR)
    item = subscription.items.data[0].id
    shop.update(
        subscription.id,
        items=(WantedItem(id=item, price=shop.price(1000)),),
        proration="always_invoice",
    )
    credit = -shop.world.customers[shop.customer].balance
    assert 7900 < credit < 8000
    assert shop.latest(subscription).amount_due == 0
    shop.advance(boundary(START, "month", 1, 1) + HOUR)
    assert shop.brought == 9000
    assert -shop.world.customers[shop.customer].balance == credit - 1000


def test_an_end_at_the_end_of_the_period_is_no_earlier_and_costs_no_more() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(500))
    shop.update(subscription.id, extras={"cancel_at_period_end": True})
    end = boundary(START, "month", 1, 1)
    shop.advance(end - 1)
    assert shop.shown(subscription).status == "active"
    shop.advance(end + HOUR)
    assert shop.shown(subscription).status == "canceled"
    assert shop.brought == 500


def test_what_is_over_is_not_canceled_again() -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(500))
    with clocks.time_of(shop.world, shop.customer):
        changing.cancel(shop.world, subscription.id, CAUSE)
    with pytest.raises(StripeError, match="No such subscription"):
        changing.cancel(shop.world, subscription.id, CAUSE)
    shop.advance(boundary(START, "month", 1, 3))
    assert shop.brought == 500


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")],
)
def test_while_it_is_paused_nothing_is_collected(behavior: str, status: str) -> None:
    shop = Shop()
    subscription = shop.subscribe(shop.price(500))
    pause = {"behavior": behavior, "resumes_at": None}
    shop.update(subscription.id, extras={"pause_collection": pause})
    shop.advance(boundary(START, "month", 1, 1) + HOUR)
    assert shop.latest(subscription).status == status
    assert shop.brought == 500


def test_a_coupon_for_one_time_is_for_the_first_invoice() -> None:
    shop = Shop()
    coupons.create(shop.world, CreateCoupon(id="HALF", extras={"percent_off": 50.0}), CAUSE)
    shop.subscribe(shop.price(999), discounts=(WantedDiscount(coupon="HALF"),))
    assert shop.brought == 499
    shop.advance(boundary(START, "month", 1, 1) + HOUR)
    assert shop.brought == 499 + 999


def test_a_coupon_for_two_months_is_for_two_invoices() -> None:
    shop = Shop()
    extras = {"percent_off": 10.0, "duration": "repeating", "duration_in_months": 2}
    coupons.create(shop.world, CreateCoupon(id="TWO", extras=extras), CAUSE)
    shop.subscribe(shop.price(1000), discounts=(WantedDiscount(coupon="TWO"),))
    shop.advance(boundary(START, "month", 1, 2) + HOUR)
    assert shop.brought == 900 + 900 + 1000


def test_the_last_redemption_is_had_by_one() -> None:
    shop = Shop()
    extras = {"amount_off": 100, "currency": "usd", "max_redemptions": 1}
    coupons.create(shop.world, CreateCoupon(id="ONE", extras=extras), CAUSE)
    price = shop.price(500)
    wanted = (WantedDiscount(coupon="ONE"),)
    shop.subscribe(price, discounts=wanted)
    with pytest.raises(StripeError) as refused:
        shop.subscribe(price, discounts=wanted)
    assert refused.value.error.code == "coupon_expired"
    assert shop.world.coupons["ONE"].times_redeemed == 1
    assert not shop.world.coupons["ONE"].valid
    assert len(shop.world.subscriptions) == 1


def test_a_discount_is_shared_out_to_the_last_cent() -> None:
    shop = Shop()
    coupons.create(shop.world, CreateCoupon(id="THIRD", extras={"percent_off": 33.33}), CAUSE)
    invoice = _owed(shop, 100, 101, 102)
    found = coupons.redeem(
        shop.world, WantedDiscount(coupon="THIRD"), shop.customer, 303, "usd", invoice=invoice
    )
    draft = shop.world.invoices[invoice]
    from paidonce.harness.simulator.domain.invoice_lines import with_lines

    draft = with_lines(
        shop.world, invoice_drafts.replace(draft, discounts=[found.id]), draft.lines.data
    )
    shares = [line.discount_amounts[0]["amount"] for line in draft.lines.data]
    assert sum(shares) == draft.total_discount_amounts[0]["amount"] == 101
    assert draft.total == 303 - 101


def test_too_little_to_be_charged_is_owed_until_the_next_invoice() -> None:
    shop = Shop()
    first = _owed(shop, 30)
    assert invoices.finalize(shop.world, first, CAUSE).status == "paid"
    assert shop.world.customers[shop.customer].balance == 30
    second = _owed(shop, 100)
    assert invoices.pay(shop.world, second, None, CAUSE).amount_paid == 130
    assert shop.brought == 130


def _owed(shop: Shop, *amounts: int) -> str:
    request = invoice_drafts.CreateInvoice(customer=shop.customer, currency="usd")
    invoice = invoice_drafts.create(shop.world, request, CAUSE).id
    for amount in amounts:
        item = invoice_items.CreateItem(
            customer=shop.customer, amount=amount, currency="usd", invoice=invoice
        )
        invoice_items.create(shop.world, item, CAUSE)
    return invoice


@pytest.mark.parametrize(
    ("limits", "param"),
    [
        ({"max_redemptions": 6}, "max_redemptions"),
        ({"expires_at": 1_700_000_000 - 1}, "expires_at"),
        ({"expires_at": 1_700_000_000 + 2 * DAY}, "expires_at"),
    ],
)
def test_a_promotion_code_keeps_within_its_coupon(limits: dict[str, int], param: str) -> None:
    shop = Shop()
    extras = {"percent_off": 10.0, "max_redemptions": 5, "redeem_by": 1_700_000_000 + DAY}
    coupon = coupons.create(shop.world, CreateCoupon(extras=extras), CAUSE).id
    within = {"max_redemptions": 5, "expires_at": 1_700_000_000 + DAY}
    fits = coupons.CreatePromotionCode(coupon=coupon, code="FITS", extras=within)
    assert coupons.create_code(shop.world, fits, CAUSE).active
    wanted = coupons.CreatePromotionCode(coupon=coupon, code="NOT", extras=limits)
    with pytest.raises(StripeError) as refused:
        coupons.create_code(shop.world, wanted, CAUSE)
    assert refused.value.error.param == param


def test_a_draft_may_be_sent_instead_and_have_a_number_of_its_own() -> None:
    shop = Shop()
    draft = _owed(shop, 900)

    def update(**changes: Any) -> Invoice:
        return invoice_drafts.update(shop.world, draft, changes, None, CAUSE)

    with pytest.raises(StripeError, match="send_invoice"):
        update(days_until_due=3)
    with clocks.time_of(shop.world, shop.customer):
        due = update(collection_method="send_invoice", days_until_due=3, number="A-7")
        assert due.due_date == START + 3 * DAY
        assert update(due_date=START + 9 * DAY).due_date == START + 9 * DAY
        final = invoices.send(shop.world, draft, CAUSE)
        assert (final.status, final.number) == ("open", "A-7")
        with pytest.raises(StripeError, match="Finalized"):
            update(due_date=START)
