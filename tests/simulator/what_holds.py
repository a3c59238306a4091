"""What must hold of an account at every moment, whoever did what in which order: money, limits, and
the arrows of each state machine."""

from __future__ import annotations

from collections import Counter
from typing import Any

from paidonce.harness.simulator.domain import disputes, invoices
from paidonce.harness.simulator.domain.booking import available
from paidonce.harness.simulator.domain.connect_objects import Payout, Transfer
from paidonce.harness.simulator.domain.objects import Event
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import period_of

_ASKABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
_OWING = ("needs_response", "under_review", "lost")

_PAYABLE = {"processing", "requires_capture", "succeeded", "canceled"}

ARROWS: dict[str, dict[str, set[str]]] = {
    # https://docs.stripe.com/payments/paymentintents/lifecycle
    "intents": {
        **{status: (_ASKABLE | _PAYABLE) - {status} for status in _ASKABLE},
        "processing": {"succeeded", "requires_payment_method", "canceled"},
        "requires_capture": {"succeeded", "canceled"},
    },
    "sessions": {"open": {"complete", "expired"}},
    "setups": {status: (_ASKABLE | {"succeeded", "canceled"}) - {status} for status in _ASKABLE},
    "invoices": {
        "draft": {"open", "paid", "void", "uncollectible"},
        "open": {"paid", "void", "uncollectible"},
        "uncollectible": {"paid", "void"},
    },
    "subscriptions": {
        "incomplete": {"active", "incomplete_expired", "canceled", "trialing"},
        "trialing": {"active", "past_due", "canceled", "paused"},
        "active": {"past_due", "canceled", "trialing"},
        "past_due": {"active", "canceled", "trialing"},
        "paused": {"active", "past_due", "canceled"},
    },
    "disputes": {
        "needs_response": {"under_review", "won", "lost"},
        "under_review": {"won", "lost"},
        "warning_needs_response": {"warning_under_review", "warning_closed"},
        "warning_under_review": {"warning_closed"},
    },
    "payouts": {"pending": {"paid", "canceled"}},
}
"""By collection and status, which statuses may follow; none where nothing does."""


class Moves:
    """What the statuses were when they were last looked at."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}

    def moved(self, kind: str, one: Any) -> None:
        """Every move is an arrow of its kind's."""
        before = self._before.get(one.id, one.status)
        legal = ARROWS[kind].get(before, ())
        assert before == one.status or one.status in legal, (kind, before, one.status)
        self._before[one.id] = one.status

    def look(self, world: World, *kinds: str) -> None:
        """Look at all there are."""
        for kind in kinds:
            for one in getattr(world, kind):
                self.moved(kind, one)


def money(world: World) -> None:
    """No cent is made or lost."""
    brought = sum(one.amount_captured for one in world.charges)
    given_back = sum(one.amount for one in world.refunds if one.status != "failed")
    disputed = sum(one.amount for one in world.disputes if one.status in _OWING)
    sent = sum(one.amount - one.amount_reversed for one in world.transfers)
    kept = sum(one.amount - one.amount_refunded for one in world.application_fees)
    out = sum(one.amount for one in world.payouts if one.status != "canceled")
    moved = sum(one.amount for one in world.balance_transactions)
    assert moved == brought - given_back - disputed - sent + kept - out, "money is not conserved"
    for charge in world.charges:
        _charge(world, charge)
    for transfer in world.transfers:
        back = [one for one in world.transfer_reversals if one.transfer == transfer.id]
        assert sum(one.amount for one in back) == transfer.amount_reversed <= transfer.amount
        assert transfer.reversed == (transfer.amount_reversed == transfer.amount)
    for fee in world.application_fees:
        repaid = [one for one in world.fee_refunds if one.fee == fee.id]
        assert sum(one.amount for one in repaid) == fee.amount_refunded <= fee.amount


def _charge(world: World, charge: Any) -> None:
    made = [world.refunds[one] for one in world.refunds_of[charge.id]]
    given = sum(one.amount for one in made if one.status != "failed")
    assert given == charge.amount_refunded <= charge.amount_captured
    dispute = disputes.of_charge(world, charge.id)
    if dispute is not None and dispute.status in _OWING:
        assert given + dispute.amount <= charge.amount_captured, "refunded and charged back"
    sent = [one for one in world.transfers if one.source_transaction == charge.id]
    assert sum(one.amount for one in sent) <= charge.amount_captured, "sent on twice"


def owed(world: World) -> None:
    """An invoice is paid once, and asks for what its lines come to."""
    for invoice in world.invoices:
        lines = sum(line.amount for line in invoice.lines.data)
        off = sum(one["amount"] for one in invoice.total_discount_amounts)
        assert invoice.subtotal == lines
        assert invoice.total == lines - off
        payment = invoices.payment_of(world, invoice.id)
        took = 0
        if payment is not None:
            intent = world.intents[payment.payment["payment_intent"]]
            charges = [world.charges[one] for one in world.charges_of[intent.id]]
            took = sum(one.amount_captured for one in charges)
            assert (intent.status == "succeeded") == (invoice.status == "paid")
            assert invoice.status != "void" or intent.status == "canceled"
        assert took == invoice.amount_paid, "paid twice, or not at all"
        assert took in (0, invoice.amount_due)


def limits(world: World) -> None:
    """No coupon and no promotion code is redeemed too often."""
    for one in (*world.coupons, *world.promotion_codes):
        most = one.max_redemptions
        assert most is None or one.times_redeemed <= most, "redeemed too often"


def credit(world: World) -> None:
    """A customer's balance is what its movements add up to, and an invoice takes of it once."""
    sums: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for move in world.credit_moves:
        sums[move.customer] += move.amount
        assert move.ending_balance == sums[move.customer], "a movement of the balance is lost"
        if move.invoice is not None:
            taken[move.invoice] += 1 if move.type == "applied_to_invoice" else 0
            taken[move.invoice] -= 1 if move.type == "unapplied_from_invoice" else 0
    assert all(one.balance == sums[one.id] for one in world.customers), "a balance of nowhere"
    for identifier, times in taken.items():
        kept = world.invoices[identifier].status == "void"
        assert times in ((0,) if kept else (0, 1)), "a credit is taken twice, or kept"


def periods(world: World) -> None:
    """No period of a subscription is billed twice, none before it has begun, and it ends once."""
    ended = Counter(
        event.data.object.id
        for event in world.events
        if event.type == "customer.subscription.deleted"
    )
    assert all(times == 1 for times in ended.values()), "a subscription has ended twice"
    billed: Counter[tuple[str, int]] = Counter()
    for invoice in world.invoices:
        if invoice.billing_reason == "subscription_cycle" and invoice.id not in world.deleted:
            # What is prorated is of the period before.
            begins = max((line.period["start"] for line in invoice.lines.data), default=None)
            if begins is not None:
                billed[str(invoice.subscription), begins] += 1
    assert all(times == 1 for times in billed.values()), "a period is billed twice"
    for subscription in world.subscriptions:
        clock = world.customers[subscription.customer].test_clock
        now = world.clock() if clock is None else world.test_clocks[clock].frozen_time
        assert period_of(subscription)[0] <= now, "a period is billed before it has begun"


def covered(world: World, event: Event) -> None:
    """What is paid out or sent on, but for what one charge has brought, is there."""
    subject = event.data.object
    if event.type == "payout.created" and isinstance(subject, Payout) and subject.amount > 0:
        assert available(world, subject.currency) >= 0, "more is paid out than there is"
    if event.type == "transfer.created" and isinstance(subject, Transfer):
        there = subject.source_transaction or available(world, subject.currency) >= 0
        assert there, "more is sent on than there is"


def sessions(world: World) -> None:
    """A session is paid once or not at all, and is told of once."""
    told = Counter(
        (event.type, event.data.object.id)
        for event in world.events
        if event.type.startswith("checkout.session.")
    )
    for session in world.sessions:
        ends = {
            end: told[f"checkout.session.{end}", session.id] for end in ("completed", "expired")
        }
        assert ends == {
            "completed": int(session.status == "complete"),
            "expired": int(session.status == "expired"),
        }
        assert (session.url is not None) == (session.status == "open")
        assert (session.subscription is not None) == (
            session.mode == "subscription" and session.status == "complete"
        )
        _taken_for(world, session)


def _taken_for(world: World, session: Any) -> None:
    """What is paid is what was asked for, by one charge; what is over takes nothing."""
    made = [one for one, of in world.session_of.items() if of == session.id]
    charges = [world.charges[each] for one in made for each in world.charges_of.get(one, ())]
    live = [charge for charge in charges if charge.status != "failed"]
    assert len(live) <= 1
    if session.status == "expired":
        assert not made, "what has expired has let its intents go"
        intent = world.intents.get(str(session.payment_intent))
        assert intent is None or intent.status == "canceled", "what has expired can still be paid"
    if session.status == "open":
        assert not live
    if session.payment_status == "paid":
        assert [charge.amount_captured for charge in live] == [session.amount_total]
    if session.status == "complete" and session.payment_status == "unpaid":
        assert charges, "money is on its way, or was"
    if session.payment_status == "no_payment_required" and session.status == "complete":
        assert not session.amount_total


def setups(world: World) -> None:
    """What was set up is kept by whom it was set up for."""
    for setup in world.setups:
        assert (setup.next_action is not None) == (setup.status == "requires_action")
        kept = setup.payment_method in world.methods_of.get(str(setup.customer), ())
        assert setup.status != "succeeded" or setup.customer is None or kept
