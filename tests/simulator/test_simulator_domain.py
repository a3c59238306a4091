"""The state machine itself, without HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from harness.simulator import intents, refunds
from harness.simulator.cards import PAYMENT_METHODS
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


def make(world: World, source: Source | None = None, *, confirm: bool = False) -> PaymentIntent:
    request = CreateIntent(
        amount=1000, currency="usd", source=source, confirm=confirm, metadata={"order_id": "o1"}
    )
    return intents.create(world, request, CAUSE)


def event_types(world: World) -> list[str]:
    return [event.type for event in world.events]


def test_an_intent_is_paid_once_and_its_charge_carries_its_metadata(world: World) -> None:
    intent = make(world)
    assert intent.status == "requires_payment_method"
    assert intent.created == 1_800_000_000
    paid = intents.confirm(world, intent.id, VISA, CAUSE)
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
        intents.confirm(world, paid.id, VISA, CAUSE)
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
        intents.confirm(world, intent.id, Source(payment_method=method), CAUSE)
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

    paid = intents.confirm(world, intent.id, VISA, CAUSE)
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert [charge.status for charge in world.charges] == ["failed", "succeeded"]


def test_confirming_without_a_payment_method_changes_nothing(world: World) -> None:
    intent = make(world)
    with pytest.raises(StripeError, match="missing a payment method") as error:
        intents.confirm(world, intent.id, None, CAUSE)
    assert error.value.error.payment_intent == intent == world.intents[intent.id]


def test_an_unknown_payment_method_leaves_nothing_behind(world: World) -> None:
    with pytest.raises(StripeError, match="No such PaymentMethod: 'pm_card_nobody'") as error:
        make(world, Source(payment_method="pm_card_nobody"), confirm=True)
    assert (error.value.status, error.value.error.code) == (400, "resource_missing")
    assert error.value.error.param == "payment_method"
    assert len(world.intents) == len(world.events) == 0


def test_a_card_that_needs_what_is_not_simulated_says_so(world: World) -> None:
    with pytest.raises(StripeError, match="not simulated"):
        make(world, Source(payment_method="pm_card_threeDSecure2Required"))


def test_cancel_ends_an_open_intent_and_no_other(world: World) -> None:
    intent = make(world, VISA)
    canceled = intents.cancel(world, intent.id, "abandoned", CAUSE)
    assert (canceled.status, canceled.canceled_at) == ("canceled", 1_800_000_000)
    assert canceled.cancellation_reason == "abandoned"
    with pytest.raises(StripeError, match="status of canceled"):
        intents.cancel(world, intent.id, None, CAUSE)
    with pytest.raises(StripeError, match="status of canceled"):
        intents.confirm(world, intent.id, VISA, CAUSE)
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
    paid = intents.confirm(world, intent.id, None, CAUSE)
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
        intents.confirm(world, unpaid.id, Source(payment_method="pm_card_chargeDeclined"), CAUSE)
    failed = world.intents[unpaid.id].latest_charge
    with pytest.raises(StripeError, match="failed, so it cannot be refunded"):
        refunds.create(world, CreateRefund(charge=failed), CAUSE)
    assert len(world.refunds) == 0


class Account(RuleBasedStateMachine):
    """Whatever is done in whatever order, the books balance."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(IdSource(3))

    @rule(
        target=made,
        amount=st.integers(50, 5000),
        method=st.none() | st.sampled_from(sorted(PAYMENT_METHODS)),
    )
    def create(self, amount: int, method: str | None) -> str:
        source = None if method is None else Source(payment_method=method)
        request = CreateIntent(amount=amount, currency="usd", source=source)
        return intents.create(self.world, request, CAUSE).id

    @rule(intent=made, method=st.none() | st.sampled_from(sorted(PAYMENT_METHODS)))
    def confirm(self, intent: str, method: str | None) -> None:
        source = None if method is None else Source(payment_method=method)
        self._attempt(lambda: intents.confirm(self.world, intent, source, CAUSE), intent)

    @rule(intent=made)
    def cancel(self, intent: str) -> None:
        self._attempt(lambda: intents.cancel(self.world, intent, None, CAUSE), intent)

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
            taken = [charge for charge in charges if charge.paid]
            assert len(taken) == (intent.status == "succeeded")
            assert intent.amount_received == sum(charge.amount_captured for charge in taken)
            for charge in charges:
                given_back = sum(world.refunds[one].amount for one in world.refunds_of[charge.id])
                assert given_back == charge.amount_refunded <= charge.amount_captured
                assert charge.refunded == (charge.paid and given_back == charge.amount)
        assert sum(entry.amount for entry in world.balance_transactions) == sum(
            charge.amount_captured - charge.amount_refunded for charge in world.charges
        )


Account.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAccount = Account.TestCase
