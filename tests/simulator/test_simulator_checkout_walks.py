"""Random walks through Checkout Sessions and setup intents, with what must hold after each step,
and the same walks with a defect planted, which they have to find.

Whatever a request changes happens at once, so the orders of such changes are all that concurrent
requests can bring about.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import what_holds
from payment_world import CAUSE

from paidonce.harness.simulator.domain import (
    agenda,
    checkout,
    checkout_making,
    coupons,
    customers,
    intents,
    setups,
)
from paidonce.harness.simulator.domain.catalog import CreatePrice, CreateProduct
from paidonce.harness.simulator.domain.checkout_making import CreateSession, Wanted
from paidonce.harness.simulator.domain.coupons import CreateCoupon, WantedDiscount
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.setups import CreateSetup
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

CARDS = tuple(
    PaymentSource(payment_method=f"pm_{name}")
    for name in (
        *("card_visa", "card_chargeDeclined", "card_chargeCustomerFail"),
        *("card_threeDSecure2Required", "card_authenticationRequiredOnSetup"),
        *("usBankAccount_success", "usBankAccount_insufficientFunds"),
    )
)
_ASKABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
MOST = 2
"""So often may the coupon be redeemed."""


class Walk:
    """Sessions that are opened, paid, asked about, and expire at random."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.time = 1_800_000_000.0
        self.world = World(IdSource(seed), lambda: self.time)
        extras = {"percent_off": 50.0, "max_redemptions": MOST}
        self.coupon = coupons.create(self.world, CreateCoupon(extras=extras), CAUSE).id
        self.customer = customers.create(self.world, {}, {}, CAUSE).id
        self.moves = what_holds.Moves()

    def step(self) -> None:
        does = self.rng.choice(
            [
                *(self.open, self.pay, self.pay, self.answer, self.answer, self.expire),
                *(self.pass_time, self.cancel, self.set_up, self.set_up_again),
            ]
        )
        with contextlib.suppress(StripeError):
            does()
        self.judge()

    def open(self) -> None:
        mode = self.rng.choice(["payment", "payment", "setup", "subscription"])
        recurring = {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "usage_type": "licensed",
        }
        price = CreatePrice(
            currency="usd",
            unit_amount=self.rng.choice([600, 2000]),
            recurring=recurring if mode == "subscription" else None,
            product_data=CreateProduct(name="Tea"),
        )
        trial = mode == "subscription" and self.rng.random() < 0.3
        discounts = (WantedDiscount(coupon=self.coupon),)
        request = CreateSession(
            lines=() if mode == "setup" else (Wanted(quantity=1, price_data=price),),
            discounts=discounts if mode != "setup" and self.rng.random() < 0.4 else (),
            subscription={"trial_days": 7} if trial else None,
            extras={"mode": mode, "success_url": "http://shop.test/done"},
        )
        checkout_making.create(self.world, request, CAUSE)

    def pay(self) -> None:
        checkout.pay(self.world, self._one(self.world.sessions).id, self.rng.choice(CARDS))

    def answer(self) -> None:
        right = self.rng.random() < 0.7
        if self.rng.random() < 0.5 and len(self.world.setups):
            checkout.authenticate_setup(self.world, self._one(self.world.setups).id, right)
        else:
            checkout.authenticate(self.world, self._one(self.world.intents).id, right)

    def expire(self) -> None:
        checkout.expire(self.world, self._one(self.world.sessions).id, CAUSE)

    def pass_time(self) -> None:
        self.time += self.rng.choice([1, 60, 20_000])
        agenda.run_due(self.world)

    def cancel(self) -> None:
        if self.rng.random() < 0.5:
            intents.cancel(self.world, self._one(self.world.intents).id, None, CAUSE)
        else:
            setups.cancel(self.world, self._one(self.world.setups).id, None, CAUSE)

    def set_up(self) -> None:
        owner = self.rng.choice([None, self.customer])
        made = setups.create(self.world, CreateSetup(extras={"customer": owner}), CAUSE)
        setups.confirm(self.world, made.id, self.rng.choice(CARDS), CAUSE)

    def set_up_again(self) -> None:
        setup = self._one(self.world.setups)
        found = setups.confirm(self.world, setup.id, self.rng.choice(CARDS), CAUSE)
        checkout.follow_setup(self.world, found)

    def _one(self, collection: Any) -> Any:
        there = list(collection)
        if not there:
            raise StripeError(404, "nothing is there yet")
        return self.rng.choice(there)

    def judge(self) -> None:
        world = self.world
        self.moves.look(world, "sessions", "setups")
        what_holds.sessions(world)
        what_holds.setups(world)
        held = sum(
            len(world.checkouts[one.id].redeemed)
            for one in world.sessions
            if one.status != "expired"
        )
        assert world.coupons[self.coupon].times_redeemed == held <= MOST

    def end(self) -> None:
        """Nothing is left that could still take money for a session that is over."""
        for intent in self.world.intents:
            if intent.id not in self.world.session_of and intent.status in _ASKABLE:
                raise AssertionError(f"{intent.id} of a session that is over is {intent.status}")


def _walked(seeds: range, steps: int) -> None:
    for seed in seeds:
        walk = Walk(seed)
        for _ in range(steps):
            walk.step()
        walk.end()


def test_a_session_is_paid_once_or_not_at_all_whatever_happens() -> None:
    _walked(range(40), 40)


@pytest.mark.slow
def test_a_session_is_paid_once_in_a_thousand_walks() -> None:
    _walked(range(1000, 2000), 60)


def _expires_and_leaves_the_intent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(intents, "cancel", lambda world, identifier, *_: world.intents[identifier])


def _keeps_the_redemption(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(coupons, "give_back", lambda *_: None)


def _completes_before_it_is_paid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checkout, "_DECIDED", (*checkout._DECIDED, "requires_action"))


def _pays_what_is_over(patch: pytest.MonkeyPatch) -> None:
    require = checkout.require
    patch.setattr(
        checkout,
        "require",
        lambda world, identifier: replace(require(world, identifier), status="open"),
    )


def _confirms_what_is_decided(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(setups, "OPEN", (*setups.OPEN, "succeeded"))


def _keeps_no_card(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        setups.payment_methods,
        "attach",
        lambda world, method, *_: world.payment_methods[method],
    )


@pytest.mark.parametrize(
    "defect",
    [
        _expires_and_leaves_the_intent,
        _keeps_the_redemption,
        _completes_before_it_is_paid,
        _pays_what_is_over,
        _confirms_what_is_decided,
        _keeps_no_card,
    ],
)
def test_a_planted_defect_is_found_out(
    defect: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    defect(monkeypatch)
    with pytest.raises(AssertionError):
        _walked(range(60), 60)
