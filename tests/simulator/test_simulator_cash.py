"""Money that customers send by bank transfer: none of it is lost, and none of it pays twice."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from payment_world import CAUSE, event_types
from simulator_process import Simulator

from paidonce.harness.simulator.domain import (
    agenda,
    cash,
    checkout,
    confirming,
    customers,
    intents,
    refunds,
)
from paidonce.harness.simulator.domain.confirming import Confirmation
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.objects import PaymentIntent
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

TRANSFER = PaymentSource(funds=True)
CARD = PaymentSource(payment_method="pm_card_visa")


class Bank:
    """A world with one customer, who sends money."""

    def __init__(self, *, by_hand: bool = False) -> None:
        self.time = 1_700_000_000.0
        self.world = World(IdSource(7), lambda: self.time)
        owner = customers.create(self.world, {"email": "a@shop.test"}, {}, CAUSE)
        self.customer = owner.id
        cash.reconcile_by_hand(self.world, self.customer, by_hand)
        self.sent = 0

    def send(self, amount: int) -> None:
        self.sent += amount
        cash.fund(self.world, self.customer, amount, "usd", CAUSE)
        confirming.reconcile(self.world, self.customer, "usd")

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        agenda.run_due(self.world)

    def intent(self, amount: int, **more: Any) -> str:
        request = intents.CreateIntent(
            amount=amount,
            currency="usd",
            source=TRANSFER,
            payment_method_types=("card", "customer_balance"),
            **{"extras": {"customer": self.customer}, **more},
        )
        made = intents.create(self.world, request, CAUSE).id
        confirming.confirm(self.world, made, Confirmation(), CAUSE)
        return made

    def shown(self, intent: str) -> PaymentIntent:
        return self.world.intents[intent]

    @property
    def left(self) -> int:
        return cash.available(self.world, self.customer, "usd")

    @property
    def kept(self) -> int:
        """What is the customer's, what intents have, and what was paid with it."""
        having = sum(
            one.amount - left
            for one in self.world.intents
            if (left := cash.remaining(one)) is not None
        )
        paid = sum(
            one.amount - one.amount_refunded
            for one in self.world.charges
            if one.paid and one.payment_method_details["type"] == "customer_balance"
        )
        back = sum(one.amount for one in self.world.refunds if one.status != "canceled")
        return self.left + having + paid + back


def test_money_that_is_there_pays_at_once() -> None:
    bank = Bank()
    bank.send(1000)
    intent = bank.intent(900)
    assert bank.shown(intent).status == "succeeded"
    assert bank.left == 100


def test_money_that_comes_later_pays_the_oldest_first() -> None:
    bank = Bank()
    first, second = bank.intent(1000), bank.intent(500)
    assert bank.shown(first).status == "requires_action"
    bank.send(600)
    assert (cash.remaining(bank.shown(first)), cash.remaining(bank.shown(second))) == (400, 500)
    bank.send(700)
    assert bank.shown(first).status == "succeeded"
    assert cash.remaining(bank.shown(second)) == 200
    assert bank.left == 0
    told = event_types(bank.world)
    assert told.count("payment_intent.partially_funded") == 2
    assert told.count("payment_intent.succeeded") == 1


def test_by_hand_it_pays_what_it_is_applied_to_and_no_more() -> None:
    bank = Bank(by_hand=True)
    first, second = bank.intent(1000), bank.intent(500)
    bank.send(700)
    assert bank.left == 700

    def apply(intent: str, amount: int | None = None, currency: str | None = None) -> str:
        return confirming.apply_balance(bank.world, intent, amount, currency, CAUSE).status

    assert apply(second) == "succeeded"
    assert apply(first, 150) == "requires_action"
    for amount, currency in ((851, None), (51, None), (10, "eur")):
        with pytest.raises(StripeError):
            apply(first, amount, currency)
    with pytest.raises(StripeError, match="waits for no bank transfer"):
        apply(second)
    assert (bank.left, cash.remaining(bank.shown(first))) == (50, 850)
    assert apply(first) == "requires_action"
    with pytest.raises(StripeError, match="insufficient"):
        apply(first)


def test_a_balance_pays_for_its_customer_at_once_or_not_at_all() -> None:
    bank = Bank()
    for wrong in ({"extras": {}}, {"capture_method": "manual"}):
        with pytest.raises(StripeError):
            bank.intent(500, **wrong)
    bank.send(500)
    assert bank.shown(bank.intent(500)).status == "succeeded"


def test_a_refund_asks_where_the_money_is_to_go_and_can_be_canceled_until_then() -> None:
    bank = Bank()
    bank.send(900)
    charge = bank.shown(bank.intent(900)).latest_charge
    part = refunds.CreateRefund(charge=charge, amount=300)
    asked = refunds.create(bank.world, part, CAUSE)
    assert asked.status == "requires_action"
    assert asked.next_action["display_details"]["email_sent"]["email_sent_to"] == "a@shop.test"
    assert checkout.unanswered(bank.world, asked.id, CAUSE).status == "canceled"
    assert (bank.left, event_types(bank.world)[-1]) == (300, "refund.updated")

    sent = refunds.create(bank.world, part, CAUSE)
    assert refunds.answer(bank.world, sent.id).status == "pending"
    for late in (
        lambda: checkout.unanswered(bank.world, sent.id, CAUSE),
        lambda: refunds.answer(bank.world, sent.id),
    ):
        with pytest.raises(StripeError):
            late()
    bank.pass_time(bank.world.settle_seconds + 1)
    assert bank.world.refunds[sent.id].status == "succeeded"

    forgotten = refunds.create(bank.world, part, CAUSE)
    waiting = bank.intent(800)  # takes what is there, and waits for more
    assert cash.remaining(bank.shown(waiting)) == 500
    bank.pass_time(refunds.UNANSWERED_SECONDS + 1)
    assert bank.world.refunds[forgotten.id].status == "canceled"
    assert cash.remaining(bank.shown(waiting)) == 200
    assert bank.kept == bank.sent
    _judge_moves(bank)


def test_a_refund_needs_somebody_to_be_asked() -> None:
    bank = Bank()
    bank.world.customers.put(
        msgspec.structs.replace(bank.world.customers[bank.customer], email=None)
    )
    bank.send(500)
    charge = bank.shown(bank.intent(500)).latest_charge
    with pytest.raises(StripeError, match="instructions_email"):
        refunds.create(bank.world, refunds.CreateRefund(charge=charge), CAUSE)
    by_mail = refunds.CreateRefund(charge=charge, instructions_email="b@shop.test")
    assert refunds.create(bank.world, by_mail, CAUSE).instructions_email == "b@shop.test"


def test_a_service_cancels_a_refund_and_a_test_answers_it(simulator: Simulator) -> None:
    owner = simulator.post("/v1/customers", {"email": "a@shop.test"}).json()["id"]
    funds = {"amount": "900", "currency": "usd"}
    simulator.post(f"/v1/test_helpers/customers/{owner}/fund_cash_balance", funds)
    sale = {"confirm": "true", "customer": owner, "payment_method_data[type]": "customer_balance"}
    sale["payment_method_types[]"] = "customer_balance"
    paid = simulator.post("/v1/payment_intents", {**funds, **sale}).json()["id"]

    def refund(amount: str) -> str:
        asked = {"payment_intent": paid, "amount": amount}
        return str(simulator.post("/v1/refunds", asked).json()["id"])

    first = refund("100")
    assert simulator.post(f"/v1/refunds/{first}/cancel").json()["status"] == "canceled"
    assert simulator.post(f"/v1/refunds/{first}/cancel").status_code == 400
    simulator.control("POST", "settle", {"refund": refund("200")})
    late = refund("300")
    simulator.control("POST", "settle", {"refund": late, "succeeded": False})
    assert simulator.get(f"/v1/refunds/{late}").json()["status"] == "canceled"
    there = simulator.get(f"/v1/customers/{owner}/cash_balance").json()["available"]
    assert there == {"usd": 400}
    shown = simulator.get(f"/v1/payment_intents/{paid}", **{"expand[]": "latest_charge.refunds"})
    listed = shown.json()["latest_charge"]["refunds"]["data"]
    assert [one["status"] for one in listed] == ["canceled", "pending", "canceled"]


def test_what_is_kept_is_what_was_kept() -> None:
    bank = Bank()
    intent = bank.intent(1000)
    bank.send(400)
    twin = bank.world.copied()
    confirming.confirm(bank.world, intent, Confirmation(source=CARD), CAUSE)
    assert (bank.left, cash.available(twin, bank.customer, "usd")) == (400, 0)
    assert msgspec.json.encode(cash.shown(bank.world, bank.customer))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("send", "intent", "apply", "cancel", "card", "reprice", "declined"),
                *("refund", "unanswered", "answer"),
            ]
        ),
        st.integers(0, 5),
        st.integers(50, 900),
    ),
    max_size=40,
)


def _judge_moves(bank: Bank) -> None:
    """Each movement says what is there after it, and they come to what is there now."""
    there = 0
    for move in bank.world.cash_moves:
        there += move.net_amount
        assert there == move.ending_balance >= 0
    assert there == bank.left


def test_every_movement_of_a_cash_balance_says_why() -> None:
    bank = Bank()
    first = bank.intent(900)
    bank.send(400)
    intents.cancel(bank.world, first, None, CAUSE)
    bank.intent(300)
    told = [(move.type, move.net_amount) for move in bank.world.cash_moves]
    assert told == [
        ("funded", 400),
        ("applied_to_payment", -400),
        ("unapplied_from_payment", 400),
        ("applied_to_payment", -300),
    ]
    assert event_types(bank.world).count("customer_cash_balance_transaction.created") == 4
    _judge_moves(bank)


@given(STEPS, st.booleans())
def test_nothing_is_lost_and_nothing_pays_twice(steps: list[Any], by_hand: bool) -> None:
    walk(steps, Bank(by_hand=by_hand))


def test_a_defect_on_purpose_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what a canceled intent had is not given back, and where it is not taken."""
    steps = [("intent", 0, 900), ("send", 0, 400), ("cancel", 0, 0)]
    walk(steps, Bank())
    monkeypatch.setattr(cash, "let_go", lambda world, intent, cause: intent)
    with pytest.raises(AssertionError):
        walk(steps, Bank())
    monkeypatch.undo()
    monkeypatch.setattr(cash, "take", lambda *_: None)
    with pytest.raises(AssertionError):
        walk(steps, Bank())
    monkeypatch.undo()
    steps = [("send", 0, 500), ("intent", 0, 500), ("refund", 0, 200), ("unanswered", 0, 0)]
    walk(steps, Bank())
    monkeypatch.setattr(cash, "give_back", lambda *_: None)
    with pytest.raises(AssertionError):
        walk(steps, Bank())


def _answered(world: World, refund: str, _: object) -> None:
    refunds.answer(world, refund)


def walk(steps: list[Any], bank: Bank) -> None:
    """Do one thing after the other, and count the money after each."""
    made: list[str] = []
    for what, which, amount in steps:
        if what == "send":
            bank.send(amount)
        elif what == "intent":
            made.append(bank.intent(amount))
        elif made:
            with contextlib.suppress(StripeError):
                _does(bank, what, made[which % len(made)], amount)
        assert bank.kept == bank.sent
        for intent in made:
            shown = bank.shown(intent)
            paid = [one for one in bank.world.charges if one.payment_intent == intent and one.paid]
            assert len(paid) == (shown.status == "succeeded")
            left = cash.remaining(shown)
            assert left is None or 0 < left <= shown.amount


def _does(bank: Bank, what: str, intent: str, amount: int) -> None:
    if what == "apply":
        confirming.apply_balance(bank.world, intent, amount, None, CAUSE)
    elif what == "cancel":
        intents.cancel(bank.world, intent, None, CAUSE)
    elif what == "refund":
        asked = refunds.CreateRefund(payment_intent=intent, amount=amount)
        refunds.create(bank.world, asked, CAUSE)
    elif what in ("unanswered", "answer"):
        does = checkout.unanswered if what == "unanswered" else _answered
        for one in list(bank.world.refunds):
            if one.payment_intent == intent:
                does(bank.world, one.id, CAUSE)
    elif what == "reprice":
        intents.update(bank.world, intent, intents.UpdateIntent(amount=amount))
    else:
        name = "pm_card_visa" if what == "card" else "pm_card_chargeDeclined"
        source = PaymentSource(payment_method=name)
        confirming.confirm(bank.world, intent, Confirmation(source=source), CAUSE)
