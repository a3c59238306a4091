"""Random walks of subscriptions and invoices in the time of a test clock, and what always holds."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest
import what_holds
from payment_world import CAUSE
from test_simulator_billing import DAY, START, Shop

from paidonce.harness.simulator.domain import (
    changing,
    clocks,
    collecting,
    coupons,
    invoice_drafts,
    invoice_items,
    invoices,
    subscriptions,
)
from paidonce.harness.simulator.domain.coupons import CreateCoupon, WantedDiscount
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.subscribing import (
    CreateSubscription,
    UpdateSubscription,
    WantedItem,
    period_of,
)

_CARDS = ("pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired")


class Walk:
    """A shop in which things are done at random."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.shop = Shop()
        self.world = self.shop.world
        self.prices = [
            *(self.shop.price(amount) for amount in (500, 1200, 30)),
            self.shop.price(9000, "year"),
        ]
        for name, most in (("ONE", 1), ("TWO", 2)):
            extras = {"percent_off": 30.0, "max_redemptions": most, "duration": "forever"}
            coupons.create(self.world, CreateCoupon(id=name, extras=extras), CAUSE)
        self.now = START
        self.moves = what_holds.Moves()

    def step(self) -> None:
        actions = [self.subscribe, self.change, self.end, self.owe, self.pay, self.pay, self.void]
        actions += [self.wait, self.wait, self.card]
        # A refusal changes nothing that would not be found out.
        with (
            contextlib.suppress(StripeError),
            clocks.time_of(self.world, self.shop.customer),
        ):
            self.rng.choice(actions)()
        self.check()

    def some(self, collection: Any) -> Any:
        found = [one for one in collection if one.id not in self.world.deleted]
        return self.rng.choice(found) if found else None

    def subscribe(self) -> None:
        item = WantedItem(price=self.rng.choice(self.prices), quantity=self.rng.randint(1, 3))
        wanted = self.rng.choice(((), (), (WantedDiscount(coupon="ONE"),)))
        request = CreateSubscription(
            customer=self.shop.customer,
            items=(item,),
            discounts=wanted,
            trial_days=self.rng.choice((None, None, 5)),
            payment_behavior=self.rng.choice(("allow_incomplete", "default_incomplete")),
        )
        subscriptions.create(self.world, request, CAUSE)

    def change(self) -> None:
        subscription = self.some(self.world.subscriptions)
        if subscription is None:
            return
        item = subscription.items.data[0].id
        wanted = WantedItem(
            id=item, price=self.rng.choice(self.prices), quantity=self.rng.randint(0, 3)
        )
        extras = self.rng.choice(({}, {}, {"cancel_at_period_end": self.rng.random() < 0.5}))
        request = UpdateSubscription(
            items=self.rng.choice(((), (wanted,))),
            proration=self.rng.choice(("create_prorations", "always_invoice", "none")),
            discounts=self.rng.choice((None, None, (WantedDiscount(coupon="TWO"),))),
            extras=extras,
        )
        changing.update(self.world, subscription.id, request, CAUSE)

    def end(self) -> None:
        subscription = self.some(self.world.subscriptions)
        if subscription is not None and self.rng.random() < 0.3:
            changing.cancel(self.world, subscription.id, CAUSE, prorate=True, invoice_now=True)

    def owe(self) -> None:
        request = invoice_drafts.CreateInvoice(customer=self.shop.customer, currency="usd")
        invoice = invoice_drafts.create(self.world, request, CAUSE)
        item = invoice_items.CreateItem(
            customer=self.shop.customer,
            amount=self.rng.randint(-300, 2000),
            currency="usd",
            invoice=invoice.id,
        )
        invoice_items.create(self.world, item, CAUSE)

    def pay(self) -> None:
        invoice = self.some(self.world.invoices)
        if invoice is not None:
            source = PaymentSource(payment_method=self.rng.choice(_CARDS))
            invoices.pay(self.world, invoice.id, self.rng.choice((None, source)), CAUSE)

    def void(self) -> None:
        invoice = self.some(self.world.invoices)
        if invoice is not None and self.rng.random() < 0.4:
            end = self.rng.choice((invoices.void, invoices.mark_uncollectible))
            end(self.world, invoice.id, CAUSE)

    def card(self) -> None:
        self.shop.pays_with(self.rng.choice(_CARDS))

    def wait(self) -> None:
        self.now += self.rng.choice((3600, DAY, 5 * DAY, 20 * DAY))
        self.shop.advance(self.now)

    def check(self) -> None:
        world = self.world
        what_holds.owed(world)
        what_holds.limits(world)
        for subscription in world.subscriptions:
            if subscription.status in ("active", "trialing", "past_due"):
                start, end = period_of(subscription)
                assert start <= self.now < end, "the period is not the one that it is"
        self.moves.look(world, "invoices", "subscriptions")


@pytest.mark.parametrize("seed", range(20))
def test_an_invoice_is_paid_once_whatever_happens(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(40):
        walk.step()


@pytest.mark.slow
def test_an_invoice_is_paid_once_in_five_hundred_walks() -> None:
    for seed in range(1000, 1500):
        walk = Walk(seed)
        for _ in range(60):
            walk.step()


def _redeems_without_end(patch: pytest.MonkeyPatch) -> None:
    def usable(world: Any, wanted: Any, *_: Any) -> Any:
        return world.coupons[wanted.coupon]

    patch.setattr(coupons, "usable", usable)


def _retries_what_is_paid(patch: pytest.MonkeyPatch) -> None:
    settled = collecting.settled
    patch.setattr(
        collecting,
        "settled",
        lambda world, invoice, amount, cause: settled(world, invoice, amount // 2, cause),
    )


def _leaves_the_intent_of_what_is_void(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(invoices, "_give_up_intent", lambda *_: None)


@pytest.mark.parametrize(
    "defect", [_redeems_without_end, _retries_what_is_paid, _leaves_the_intent_of_what_is_void]
)
def test_a_planted_defect_is_found_out(
    defect: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    defect(monkeypatch)
    with pytest.raises(AssertionError):
        _walk_long()


def _walk_long() -> None:
    for seed in range(60):
        walk = Walk(seed)
        for _ in range(60):
            walk.step()
