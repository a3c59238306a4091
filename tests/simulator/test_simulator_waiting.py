"""Payments that wait: for whoever has the card to answer, or for a bank."""

from __future__ import annotations

import pytest
from payment_world import CAUSE, VISA, event_types, make, pay

from paidonce.harness.simulator.domain import agenda, confirming, intents
from paidonce.harness.simulator.domain.errors import Declined, StripeError
from paidonce.harness.simulator.domain.intents import CreateIntent, UpdateIntent
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

THREE_D_SECURE = PaymentSource(payment_method="pm_card_threeDSecure2Required")


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
    asks_never = PaymentSource(payment_method="pm_card_authenticationRequiredSetupForOffSession")
    assert pay(world, intent.id, asks_never, off_session=True).status == "succeeded"


def test_a_decline_after_authentication_is_shown_by_the_intent(world: World) -> None:
    intent = make(world)
    pay(
        world, intent.id, PaymentSource(payment_method="pm_card_threeDSecureRequiredChargeDeclined")
    )
    declined = confirming.authenticate(world, intent.id, True)
    assert declined.status == "requires_payment_method"
    assert declined.last_payment_error is not None
    assert declined.last_payment_error.code == "card_declined"
    assert [charge.status for charge in world.charges] == ["failed"]


def bank(name: str) -> PaymentSource:
    return PaymentSource(payment_method=f"pm_usBankAccount_{name}")


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
    agenda.run_due(world)
    assert world.intents[intent.id] == intent
    world.clock = lambda: 1_800_000_010.0
    agenda.run_due(world)
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
    agenda.run_due(world)
    assert world.intents[intent.id].status == "canceled"
    assert [charge.status for charge in world.charges] == ["failed"]
    assert len(world.balance_transactions) == 0
