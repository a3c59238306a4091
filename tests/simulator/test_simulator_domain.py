"""The state machine itself, without HTTP."""

from __future__ import annotations

import pytest
from payment_world import CAUSE, VISA, event_types, make, pay

from paidonce.harness.simulator.domain import (
    agenda,
    confirming,
    customers,
    intents,
    payment_methods,
    refunds,
)
from paidonce.harness.simulator.domain.errors import Declined, StripeError
from paidonce.harness.simulator.domain.intents import UpdateIntent
from paidonce.harness.simulator.domain.objects import PaymentIntent
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.refunds import CreateRefund
from paidonce.harness.simulator.domain.state import World


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
        pay(world, intent.id, PaymentSource(payment_method=method))
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
        make(world, PaymentSource(payment_method="pm_card_nobody"), confirm=True)
    assert (error.value.status, error.value.error.code) == (400, "resource_missing")
    assert error.value.error.param == "payment_method"
    assert len(world.intents) == len(world.events) == 0


def test_a_card_that_needs_what_is_not_simulated_says_so(world: World) -> None:
    with pytest.raises(StripeError, match="not simulated"):
        make(world, PaymentSource(payment_method="pm_card_riskLevelElevated"))


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
        pay(world, unpaid.id, PaymentSource(payment_method="pm_card_chargeDeclined"))
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
    agenda.run_due(world)
    assert world.intents[expired.id].status == "requires_capture"
    world.clock = lambda: 1_800_000_001.0 + confirming.AUTHORIZED_SECONDS
    agenda.run_due(world)
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


def test_a_payment_method_pays_once_unless_a_customer_keeps_it(world: World) -> None:
    once = payment_methods.create(world, PaymentSource(token="tok_visa"), {})
    source = PaymentSource(payment_method=once.id)
    make(world, source, confirm=True)
    with pytest.raises(StripeError, match="may not be used again"):
        make(world, source)
    customer = customers.create(world, {}, {}, CAUSE)
    with pytest.raises(StripeError, match="may not be used again"):
        payment_methods.attach(world, once.id, customer.id, CAUSE)
    kept = payment_methods.create(world, PaymentSource(token="tok_visa"), {})
    payment_methods.attach(world, kept.id, customer.id, CAUSE)
    source = PaymentSource(payment_method=kept.id)
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
