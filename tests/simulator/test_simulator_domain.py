"""The state machine itself, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from harness.simulator import confirming, customers, intents, payment_methods, refunds
from harness.simulator.cards import PAYMENT_METHODS
from harness.simulator.confirming import Confirmation
from harness.simulator.errors import Declined, StripeError
from harness.simulator.ids import IdSource
from harness.simulator.intents import CreateIntent, UpdateIntent
from harness.simulator.objects import EventRequest, PaymentIntent
from harness.simulator.payment_methods import Source
from harness.simulator.refunds import CreateRefund
from harness.simulator.state import World

CAUSE = EventRequest(id="req_1", idempotency_key="key")
VISA = Source(payment_method="pm_card_visa")


@pytest.fixture
def world() -> World:
    return World(IdSource(1), clock=lambda: 1_800_000_000.5)


def make(
    world: World, source: Source | None = None, *, confirm: bool = False, **more: Any
) -> PaymentIntent:
    request = CreateIntent(
        amount=1000, currency="usd", source=source, metadata={"order_id": "o1"}, **more
    )
    intent = intents.create(world, request, CAUSE)
    return pay(world, intent.id) if confirm else intent


def pay(world: World, intent: str, source: Source | None = None, **more: Any) -> PaymentIntent:
    return confirming.confirm(world, intent, Confirmation(source=source, **more), CAUSE)


def event_types(world: World) -> list[str]:
    return [event.type for event in world.events]


def test_an_intent_is_paid_once_and_its_charge_carries_its_metadata(world: World) -> None:
    intent = make(world)
    assert intent.status == "requires_payment_method"
    assert intent.created == 1_800_000_000
    paid = pay(world, intent.id, VISA)
    assert (paid.status, paid.amount_received) == ("succeeded", 1000)
    (charge,) = world.charges
    assert charge.id == paid.latest_charge
    assert (charge.status, charge.captured, charge.amount_captured) == ("succeeded", True, 1000)
    assert charge.metadata == {"order_id": "o1"}
    assert paid.payment_method is not None
    assert paid.payment_method in world.payment_methods
    assert event_types(world) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_an_event_shows_its_object_as_it_was_then(world: World) -> None:
    make(world, VISA, confirm=True)
    created, _, succeeded = world.events
    assert isinstance(created.data.object, PaymentIntent)
    assert isinstance(succeeded.data.object, PaymentIntent)
    assert created.data.object.status == "requires_confirmation"
    assert succeeded.data.object.status == "succeeded"
    assert succeeded.request == CAUSE


def test_a_second_confirmation_is_refused_and_changes_nothing(world: World) -> None:
    paid = make(world, VISA, confirm=True)
    with pytest.raises(StripeError, match="already succeeded") as error:
        pay(world, paid.id, VISA)
    assert error.value.status == 400
    assert error.value.error.code == "payment_intent_unexpected_state"
    assert error.value.error.payment_intent == paid == world.intents[paid.id]
    assert len(world.charges) == 1


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
def test_a_declined_card_leaves_a_failed_charge_and_a_payable_intent(
    world: World, method: str, code: str, decline_code: str | None
) -> None:
    intent = make(world)
    with pytest.raises(Declined) as decline:
        pay(world, intent.id, Source(payment_method=method))
    error = decline.value.error
    assert (decline.value.status, error.type) == (402, "card_error")
    assert (error.code, error.decline_code) == (code, decline_code)
    (charge,) = world.charges
    assert error.charge == charge.id
    assert (charge.status, charge.failure_code, charge.paid) == ("failed", code, False)
    after = world.intents[intent.id]
    assert error.payment_intent == after
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.latest_charge == charge.id
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == code
    assert event_types(world)[1:] == ["charge.failed", "payment_intent.payment_failed"]

    paid = pay(world, intent.id, VISA)
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert [charge.status for charge in world.charges] == ["failed", "succeeded"]


def test_confirming_without_a_payment_method_changes_nothing(world: World) -> None:
    intent = make(world)
    with pytest.raises(StripeError, match="missing a payment method") as error:
        pay(world, intent.id, None)
    assert error.value.error.payment_intent == intent == world.intents[intent.id]


def test_an_unknown_payment_method_leaves_nothing_behind(world: World) -> None:
    with pytest.raises(StripeError, match="No such PaymentMethod: 'pm_card_nobody'") as error:
        make(world, Source(payment_method="pm_card_nobody"), confirm=True)
    assert (error.value.status, error.value.error.code) == (400, "resource_missing")
    assert error.value.error.param == "payment_method"
    assert len(world.intents) == len(world.events) == 0


def test_a_card_that_needs_what_is_not_simulated_says_so(world: World) -> None:
    with pytest.raises(StripeError, match="not simulated"):
        make(world, Source(payment_method="pm_card_createDispute"))


def test_cancel_ends_an_open_intent_and_no_other(world: World) -> None:
    intent = make(world, VISA)
    canceled = intents.cancel(world, intent.id, "abandoned", CAUSE)
    assert (canceled.status, canceled.canceled_at) == ("canceled", 1_800_000_000)
    assert canceled.cancellation_reason == "abandoned"
    with pytest.raises(StripeError, match="status of canceled"):
        intents.cancel(world, intent.id, None, CAUSE)
    with pytest.raises(StripeError, match="status of canceled"):
        pay(world, intent.id, VISA)
    paid = make(world, VISA, confirm=True)
    with pytest.raises(StripeError, match="status of succeeded"):
        intents.cancel(world, paid.id, None, CAUSE)
    assert world.intents[paid.id] == paid


def test_update_changes_what_may_change(world: World) -> None:
    intent = make(world)
    changed = intents.update(
        world,
        intent.id,
        UpdateIntent(amount=1500, source=VISA, metadata={"a": "1", "order_id": None}),
    )
    assert (changed.amount, changed.metadata) == (1500, {"a": "1"})
    assert changed.status == "requires_confirmation"
    paid = pay(world, intent.id, None)
    assert paid.amount_received == 1500
    with pytest.raises(StripeError, match="amount could not be updated"):
        intents.update(world, intent.id, UpdateIntent(amount=1))
    assert world.intents[intent.id] == paid
    cleared = intents.update(world, intent.id, UpdateIntent(clear_metadata=True))
    assert cleared.metadata == {}


def test_an_update_below_the_minimum_changes_nothing(world: World) -> None:
    intent = make(world)
    with pytest.raises(StripeError, match=r"at least \$0\.50"):
        intents.update(world, intent.id, UpdateIntent(amount=49))
    assert world.intents[intent.id] == intent


def test_refunds_stop_at_what_was_captured(world: World) -> None:
    paid = make(world, VISA, confirm=True)
    part = refunds.create(world, CreateRefund(payment_intent=paid.id, amount=400), CAUSE)
    assert (part.amount, part.status, part.charge) == (400, "succeeded", paid.latest_charge)
    with pytest.raises(StripeError, match=r"\$6\.01.*unrefunded amount on charge \(\$6\.00\)") as e:
        refunds.create(world, CreateRefund(payment_intent=paid.id, amount=601), CAUSE)
    assert (e.value.status, e.value.error.param) == (400, "amount")
    rest = refunds.create(world, CreateRefund(charge=paid.latest_charge), CAUSE)
    assert rest.amount == 600
    charge = world.charges[part.charge]
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    with pytest.raises(StripeError, match="already been refunded") as e:
        refunds.create(world, CreateRefund(payment_intent=paid.id), CAUSE)
    assert e.value.error.code == "charge_already_refunded"
    assert [event.type for event in world.events][3:] == ["refund.created", "charge.refunded"] * 2
    assert [e.data.previous_attributes for e in world.events if e.type == "charge.refunded"] == [
        {"amount_refunded": 0},
        {"amount_refunded": 400, "refunded": False},
    ]


def test_only_a_successful_charge_of_that_intent_is_refunded(world: World) -> None:
    unpaid, paid = make(world), make(world, VISA, confirm=True)
    with pytest.raises(StripeError, match="does not have a successful charge"):
        refunds.create(world, CreateRefund(payment_intent=unpaid.id), CAUSE)
    with pytest.raises(StripeError, match="does not belong"):
        refunds.create(
            world, CreateRefund(payment_intent=unpaid.id, charge=paid.latest_charge), CAUSE
        )
    with pytest.raises(Declined):
        pay(world, unpaid.id, Source(payment_method="pm_card_chargeDeclined"))
    failed = world.intents[unpaid.id].latest_charge
    with pytest.raises(StripeError, match="status of failed, so it cannot be refunded"):
        refunds.create(world, CreateRefund(charge=failed), CAUSE)
    assert len(world.refunds) == 0


def test_manual_capture_takes_what_is_asked_and_lets_the_rest_go(world: World) -> None:
    held = make(world, VISA, confirm=True, capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == (
        "requires_capture",
        1000,
        0,
    )
    (charge,) = world.charges
    assert (charge.status, charge.captured, charge.amount_captured) == ("succeeded", False, 0)
    assert len(world.balance_transactions) == 0
    with pytest.raises(StripeError, match="has not been captured"):
        refunds.create(world, CreateRefund(charge=charge.id), CAUSE)
    with pytest.raises(StripeError, match="cannot be greater") as error:
        intents.capture(world, held.id, 1001, CAUSE)
    assert error.value.error.param == "amount_to_capture"
    assert world.intents[held.id] == held
    paid = intents.capture(world, held.id, 700, CAUSE)
    assert (paid.status, paid.amount_capturable, paid.amount_received) == ("succeeded", 0, 700)
    (charge,) = world.charges
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 700, 0)
    (entry,) = world.balance_transactions
    assert (entry.amount, entry.id) == (700, charge.balance_transaction)
    with pytest.raises(StripeError, match="could not be captured") as error:
        intents.capture(world, held.id, None, CAUSE)
    assert error.value.error.code == "payment_intent_unexpected_state"
    assert event_types(world) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


def test_an_authorization_ends_by_cancellation_or_after_a_week(world: World) -> None:
    canceled = make(world, VISA, confirm=True, capture_method="manual")
    intents.cancel(world, canceled.id, None, CAUSE)
    expired = make(world, VISA, confirm=True, capture_method="manual")
    world.clock = lambda: 1_800_000_000.0 + confirming.AUTHORIZED_SECONDS - 1
    confirming.run_due(world)
    assert world.intents[expired.id].status == "requires_capture"
    world.clock = lambda: 1_800_000_001.0 + confirming.AUTHORIZED_SECONDS
    confirming.run_due(world)
    assert world.intents[canceled.id].cancellation_reason is None
    after = world.intents[expired.id]
    assert (after.status, after.cancellation_reason, after.amount_capturable) == (
        "canceled",
        "expired",
        0,
    )
    assert event_types(world)[-2:] == ["charge.expired", "payment_intent.canceled"]
    assert [(one.captured, one.refunded) for one in world.charges] == [(False, False)] * 2
    assert len(world.refunds) == len(world.balance_transactions) == 0


THREE_D_SECURE = Source(payment_method="pm_card_threeDSecure2Required")


def test_a_card_that_asks_is_charged_once_its_owner_has_answered(world: World) -> None:
    world.base_url = "http://127.0.0.1:1"
    intent = make(world)
    asked = pay(world, intent.id, THREE_D_SECURE, return_url="https://shop.test/back")
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action["redirect_to_url"]["url"].startswith("http://127.0.0.1:1/_p")
    assert len(world.charges) == 0
    again = pay(world, intent.id)
    assert again.status == "requires_action"
    assert len(world.charges) == 0
    paid = confirming.authenticate(world, intent.id, True)
    assert (paid.status, paid.next_action) == ("succeeded", None)
    (charge,) = world.charges
    assert charge.payment_method_details["card"]["three_d_secure"]["result"] == "authenticated"
    with pytest.raises(StripeError, match="nothing to authenticate"):
        confirming.authenticate(world, intent.id, True)
    assert len(world.charges) == 1


def test_failed_authentication_asks_for_another_payment_method(world: World) -> None:
    intent = make(world)
    pay(world, intent.id, THREE_D_SECURE)
    failed = confirming.authenticate(world, intent.id, False)
    assert (failed.status, failed.payment_method) == ("requires_payment_method", None)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert len(world.charges) == 0
    assert event_types(world)[-2:] == [
        "payment_intent.requires_action",
        "payment_intent.payment_failed",
    ]


def test_with_manual_confirmation_the_server_confirms_after_authentication(world: World) -> None:
    intent = make(world, confirmation_method="manual")
    pay(world, intent.id, THREE_D_SECURE)
    waiting = confirming.authenticate(world, intent.id, True)
    assert (waiting.status, len(world.charges)) == ("requires_confirmation", 0)
    assert pay(world, intent.id).status == "succeeded"


def test_an_authentication_does_not_outlive_a_change_of_the_amount(world: World) -> None:
    intent = make(world, confirmation_method="manual")
    pay(world, intent.id, THREE_D_SECURE)
    confirming.authenticate(world, intent.id, True)
    intents.update(world, intent.id, UpdateIntent(amount=999_999))
    assert pay(world, intent.id).status == "requires_action"


@pytest.mark.parametrize("how", ["off_session", "error_on_requires_action"])
def test_where_nobody_can_be_asked_the_card_is_declined(world: World, how: str) -> None:
    intent = make(world)
    with pytest.raises(Declined) as decline:
        pay(world, intent.id, THREE_D_SECURE, **{how: True})
    assert decline.value.error.code == "authentication_required"
    assert world.intents[intent.id].status == "requires_payment_method"
    asks_never = Source(payment_method="pm_card_authenticationRequiredSetupForOffSession")
    assert pay(world, intent.id, asks_never, off_session=True).status == "succeeded"


def test_a_decline_after_authentication_is_shown_by_the_intent(world: World) -> None:
    intent = make(world)
    pay(world, intent.id, Source(payment_method="pm_card_threeDSecureRequiredChargeDeclined"))
    declined = confirming.authenticate(world, intent.id, True)
    assert declined.status == "requires_payment_method"
    assert declined.last_payment_error is not None
    assert declined.last_payment_error.code == "card_declined"
    assert [charge.status for charge in world.charges] == ["failed"]


def bank(name: str) -> Source:
    return Source(payment_method=f"pm_usBankAccount_{name}")


BANKS = {"payment_method_types": ("card", "us_bank_account")}


@pytest.mark.parametrize(
    ("name", "status", "failure"),
    [
        ("success", "succeeded", None),
        ("accountClosed", "requires_payment_method", "account_closed"),
    ],
)
def test_a_bank_account_settles_later(
    world: World, name: str, status: str, failure: str | None
) -> None:
    intent = make(world, bank(name), confirm=True, **BANKS)
    assert (intent.status, intent.amount_received) == ("processing", 0)
    (charge,) = world.charges
    assert (charge.status, charge.paid, charge.amount_captured) == ("pending", False, 0)
    with pytest.raises(StripeError, match="status of processing"):
        pay(world, intent.id, VISA)
    confirming.run_due(world)
    assert world.intents[intent.id] == intent
    world.clock = lambda: 1_800_000_010.0
    confirming.run_due(world)
    after = world.intents[intent.id]
    assert after.status == status
    assert world.charges[charge.id].failure_code == failure
    assert after.amount_received == sum(entry.amount for entry in world.balance_transactions)
    with pytest.raises(StripeError, match="nothing to settle"):
        confirming.settle(world, intent.id)


def test_a_bank_account_is_refused_where_only_cards_are_taken(world: World) -> None:
    with pytest.raises(StripeError, match="us_bank_account"):
        make(world, bank("success"))
    with pytest.raises(StripeError, match="eur"):
        intents.create(
            world,
            CreateIntent(amount=1000, currency="eur", source=bank("success"), **BANKS),
            CAUSE,
        )
    assert len(world.intents) == 0


def test_a_canceled_delayed_payment_never_settles(world: World) -> None:
    intent = make(world, bank("success"), confirm=True, **BANKS)
    intents.cancel(world, intent.id, None, CAUSE)
    world.clock = lambda: 1_800_000_010.0
    confirming.run_due(world)
    assert world.intents[intent.id].status == "canceled"
    assert [charge.status for charge in world.charges] == ["failed"]
    assert len(world.balance_transactions) == 0


def test_a_payment_method_pays_once_unless_a_customer_keeps_it(world: World) -> None:
    once = payment_methods.create(world, "tok_visa", {})
    source = Source(payment_method=once.id)
    make(world, source, confirm=True)
    with pytest.raises(StripeError, match="may not be used again"):
        make(world, source)
    customer = customers.create(world, {}, {}, CAUSE)
    with pytest.raises(StripeError, match="may not be used again"):
        payment_methods.attach(world, once.id, customer.id, CAUSE)
    kept = payment_methods.create(world, "tok_visa", {})
    payment_methods.attach(world, kept.id, customer.id, CAUSE)
    source = Source(payment_method=kept.id)
    for _ in range(2):
        make(world, source, confirm=True, extras={"customer": customer.id})
    with pytest.raises(StripeError, match="must be attached to the customer"):
        make(world, source)
    payment_methods.detach(world, kept.id, CAUSE)
    with pytest.raises(StripeError, match="may not be used again"):
        make(world, source)


def test_a_deleted_customer_pays_nothing(world: World) -> None:
    customer = customers.create(world, {"email": "a@example.com"}, {}, CAUSE)
    method = payment_methods.attach(world, "pm_card_visa", customer.id, CAUSE)
    customers.delete(world, customer.id, CAUSE)
    assert world.payment_methods[method.id].customer is None
    for unknown in (customer.id, "cus_none"):
        with pytest.raises(StripeError, match="No such customer") as error:
            make(world, extras={"customer": unknown})
        assert (error.value.status, error.value.error.param) == (400, "customer")


class Account(RuleBasedStateMachine):
    """Whatever is done in whatever order, the books balance."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.world = World(IdSource(3), clock=lambda: self.now)

    @rule(
        target=made,
        amount=st.integers(50, 5000),
        method=st.none() | st.sampled_from(sorted(PAYMENT_METHODS)),
        capture_method=st.sampled_from(["automatic", "manual"]),
    )
    def create(self, amount: int, method: str | None, capture_method: str) -> str:
        source = None if method is None else Source(payment_method=method)
        request = CreateIntent(
            amount=amount,
            currency="usd",
            source=source,
            payment_method_types=("card", "us_bank_account"),
            capture_method=capture_method,
        )
        return intents.create(self.world, request, CAUSE).id

    @rule(intent=made, method=st.none() | st.sampled_from(sorted(PAYMENT_METHODS)))
    def confirm(self, intent: str, method: str | None) -> None:
        source = None if method is None else Source(payment_method=method)
        self._attempt(lambda: pay(self.world, intent, source), intent)

    @rule(intent=made)
    def cancel(self, intent: str) -> None:
        self._attempt(lambda: intents.cancel(self.world, intent, None, CAUSE), intent)

    @rule(intent=made, amount=st.none() | st.integers(1, 5000))
    def capture(self, intent: str, amount: int | None) -> None:
        self._attempt(lambda: intents.capture(self.world, intent, amount, CAUSE), intent)

    @rule(intent=made, succeeded=st.booleans())
    def authenticate(self, intent: str, succeeded: bool) -> None:
        self._attempt(lambda: confirming.authenticate(self.world, intent, succeeded), intent)

    @rule(seconds=st.sampled_from([1, 10, 8 * 24 * 3600]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        confirming.run_due(self.world)

    @rule(intent=made, amount=st.integers(1, 5000))
    def change(self, intent: str, amount: int) -> None:
        request = UpdateIntent(amount=amount)
        self._attempt(lambda: intents.update(self.world, intent, request), intent)

    @rule(intent=made, amount=st.none() | st.integers(1, 5000))
    def refund(self, intent: str, amount: int | None) -> None:
        request = CreateRefund(payment_intent=intent, amount=amount)
        self._attempt(lambda: refunds.create(self.world, request, CAUSE), intent)

    def _attempt(self, action: Callable[[], object], intent: str) -> None:
        before, events = self.world.intents[intent], len(self.world.events)
        refusal: StripeError | None = None
        try:
            action()
        except StripeError as error:
            refusal = error
        if isinstance(refusal, Declined):
            assert refusal.error.payment_intent == self.world.intents[intent]
        elif refusal is not None:
            assert self.world.intents[intent] == before
            assert len(self.world.events) == events

    @invariant()
    def books_balance(self) -> None:
        world = self.world
        for intent in world.intents:
            charges = [world.charges[identifier] for identifier in world.charges_of[intent.id]]
            taken = [charge for charge in charges if charge.amount_captured]
            assert len(taken) == (intent.status == "succeeded")
            assert intent.amount_received == sum(charge.amount_captured for charge in taken)
            held = [one for one in charges if one.status != "failed" and not one.amount_captured]
            if intent.status in ("processing", "requires_capture"):
                assert len(held) == 1
            assert intent.amount_capturable == (
                held[0].amount if intent.status == "requires_capture" else 0
            )
            for charge in charges:
                given_back = sum(world.refunds[one].amount for one in world.refunds_of[charge.id])
                assert given_back == charge.amount_refunded <= charge.amount_captured
                assert charge.refunded == (0 < given_back == charge.amount_captured)
        assert sum(entry.amount for entry in world.balance_transactions) == sum(
            charge.amount_captured - charge.amount_refunded for charge in world.charges
        )


Account.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAccount = Account.TestCase
