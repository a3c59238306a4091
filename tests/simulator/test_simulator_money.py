"""Whatever is charged, refunded, disputed, sent on or paid out: no cent is made or lost.

Random walks through all that moves money, with everything that must hold looked at after each step;
and the same walks with a defect planted, which they have to find.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest
import what_holds
from payment_world import CAUSE

from paidonce.harness.simulator.domain import (
    accounts,
    agenda,
    balance,
    confirming,
    disputes,
    intents,
    payouts,
    refunds,
    transfers,
)
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

_CARDS = (
    *(
        "pm_card_visa",
        "pm_card_bypassPending",
        "pm_card_createDispute",
        "pm_card_createDisputeInquiry",
    ),
    *("pm_card_pendingRefund", "pm_card_refundFail", "pm_card_chargeDeclined"),
    "pm_usBankAccount_success",
)


class Walk:
    """A world in which things are done at random."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 1_800_000_000.0
        self.world = World(IdSource(seed), lambda: self.now)
        attributes = {"capabilities": {"transfers": "active"}}
        self.accounts = [accounts.create(self.world, attributes, {}, CAUSE).id for _ in range(2)]
        self.moves = what_holds.Moves()

    def step(self) -> None:
        actions = [self.pay, self.pay, self.refund, self.dispute, self.answer, self.send, self.send]
        actions += [self.take_back, self.pay_out, self.keep, self.back, self.wait, self.fee]
        # A refusal changes nothing that would not be found out.
        with contextlib.suppress(StripeError):
            self.rng.choice(actions)()
        self.check()

    def some(self, collection: Any) -> Any:
        found = list(collection)
        return self.rng.choice(found) if found else None

    def pay(self) -> None:
        amount = self.rng.randint(50, 5000)
        extras: dict[str, Any] = {}
        if self.rng.random() < 0.4:
            extras["transfer_data"] = {"destination": self.rng.choice(self.accounts)}
            if self.rng.random() < 0.5:
                extras["application_fee_amount"] = self.rng.randint(0, amount)
        request = intents.CreateIntent(
            amount=amount,
            currency="usd",
            source=PaymentSource(payment_method=self.rng.choice(_CARDS)),
            payment_method_types=("card", "us_bank_account"),
            capture_method=self.rng.choice(("automatic", "manual")),
            extras=extras,
        )
        intent = intents.create(self.world, request, CAUSE)
        intent = confirming.confirm(self.world, intent.id, confirming.Confirmation(), CAUSE)
        if intent.status == "requires_capture":
            intents.capture(self.world, intent.id, self.rng.randint(1, amount), CAUSE)

    def refund(self) -> None:
        charge = self.some(self.world.charges)
        if charge is not None:
            request = refunds.CreateRefund(
                charge=charge.id,
                amount=self.rng.choice((None, self.rng.randint(1, 2000))),
                reverse_transfer=self.rng.random() < 0.5,
                refund_application_fee=self.rng.random() < 0.3,
            )
            refunds.create(self.world, request, CAUSE)

    def dispute(self) -> None:
        charge = self.some(self.world.charges)
        if charge is not None:
            inquiry = self.rng.random() < 0.3
            disputes.open_(self.world, charge.id, "fraudulent", CAUSE, inquiry=inquiry)

    def answer(self) -> None:
        dispute = self.some(self.world.disputes)
        if dispute is not None:
            how = self.rng.choice(("winning_evidence", "losing_evidence", "because", ""))
            evidence = {"uncategorized_text": how} if how else {}
            if evidence:
                submit = self.rng.random() < 0.7
                disputes.update(self.world, dispute.id, evidence, submit, None, CAUSE)
            else:
                disputes.close(self.world, dispute.id, CAUSE)

    def send(self) -> None:
        charge = self.some(self.world.charges) if self.rng.random() < 0.7 else None
        request = transfers.CreateTransfer(
            destination=self.rng.choice(self.accounts),
            currency="usd",
            amount=self.rng.randint(1, 3000),
            source=None if charge is None else charge.id,
        )
        transfers.create(self.world, request, CAUSE)

    def take_back(self) -> None:
        transfer = self.some(self.world.transfers)
        if transfer is not None:
            amount = self.rng.choice((None, self.rng.randint(1, 1000)))
            transfers.reverse(self.world, transfer.id, amount, {}, CAUSE)

    def fee(self) -> None:
        fee = self.some(self.world.application_fees)
        if fee is not None:
            amount = self.rng.choice((None, self.rng.randint(1, 500)))
            transfers.refund_fee(self.world, fee.id, amount, {}, CAUSE)

    def pay_out(self) -> None:
        amount = self.rng.randint(1, 5000)
        before = self.available
        method = self.rng.choice(("standard", "instant"))
        payouts.create(self.world, amount, "usd", {"method": method}, {}, CAUSE)
        assert amount <= before, "more was paid out than was there"

    def keep(self) -> None:
        payout = self.some(self.world.payouts)
        if payout is not None:
            payouts.cancel(self.world, payout.id, CAUSE)

    def back(self) -> None:
        payout = self.some(self.world.payouts)
        if payout is not None:
            payouts.reverse(self.world, payout.id, {}, CAUSE)

    def wait(self) -> None:
        self.now += self.rng.choice((1, 10, 3600, 86_400, 3 * 86_400))
        agenda.run_due(self.world)

    @property
    def available(self) -> int:
        return sum(one["amount"] for one in balance.of(self.world).available)

    def check(self) -> None:
        what_holds.money(self.world)
        self.moves.look(self.world, "disputes", "payouts")


@pytest.mark.parametrize("seed", range(25))
def test_no_cent_is_made_or_lost(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(60):
        walk.step()
    assert len(walk.world.charges) > 2


@pytest.mark.slow
def test_no_cent_is_made_or_lost_in_a_thousand_walks() -> None:
    for seed in range(1000, 2000):
        walk = Walk(seed)
        for _ in range(80):
            walk.step()


def _refunds_what_is_charged_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disputes, "refuse_refund", lambda *_: None)


def _sends_on_what_was_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transfers, "_sent_on", lambda *_: 0)


def _pays_out_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payouts, "available", lambda *_: 10**9)


def _keeps_the_money_of_canceled_payouts(patch: pytest.MonkeyPatch) -> None:
    booked = payouts.book
    patch.setattr(
        payouts,
        "book",
        lambda world, **more: (
            booked(world, **{**more, "amount": 0})
            if more["kind"] == "payout_cancel"
            else booked(world, **more)
        ),
    )


@pytest.mark.parametrize(
    "defect",
    [
        _refunds_what_is_charged_back,
        _sends_on_what_was_sent,
        _pays_out_what_is_not_there,
        _keeps_the_money_of_canceled_payouts,
    ],
)
def test_a_planted_defect_is_found_out(
    defect: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    defect(monkeypatch)
    with pytest.raises(AssertionError):
        _walk_long()


def _walk_long() -> None:
    for seed in range(200):
        walk = Walk(seed)
        for _ in range(80):
            walk.step()
