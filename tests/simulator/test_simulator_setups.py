"""Setup intents: cards made ready for payments when nobody is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe
from payment_world import CAUSE, VISA, event_types, make, pay

from paidonce.harness.simulator.domain import checkout, checkout_making, customers, setups
from paidonce.harness.simulator.domain.checkout_making import CreateSession
from paidonce.harness.simulator.domain.errors import Declined, SetupDeclined, StripeError
from paidonce.harness.simulator.domain.objects import SetupIntent
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.setups import CreateSetup
from paidonce.harness.simulator.domain.state import World

ON_SETUP = PaymentSource(payment_method="pm_card_authenticationRequiredOnSetup")
DECLINED = PaymentSource(payment_method="pm_card_chargeDeclined")


@pytest.fixture
def customer(world: World) -> str:
    return customers.create(world, {}, {}, CAUSE).id


def made(world: World, customer: str | None, source: PaymentSource) -> SetupIntent:
    setup = setups.create(world, CreateSetup(extras={"customer": customer}), CAUSE)
    return setups.confirm(world, setup.id, source, CAUSE)


def test_a_card_that_is_set_up_is_its_customers(world: World, customer: str) -> None:
    setup = made(world, customer, VISA)
    assert setup.status == "succeeded"
    assert world.methods_of[customer] == [setup.payment_method]
    assert event_types(world)[-2:] == ["payment_method.attached", "setup_intent.succeeded"]
    with pytest.raises(StripeError, match="cannot confirm"):
        setups.confirm(world, setup.id, VISA, CAUSE)
    with pytest.raises(StripeError, match="cannot cancel"):
        setups.cancel(world, setup.id, None, CAUSE)


def test_a_card_that_asks_is_charged_without_anybody_once_it_is_set_up(
    world: World, customer: str
) -> None:
    setup = made(world, customer, ON_SETUP)
    assert (setup.status, setup.next_action is not None) == ("requires_action", True)
    method = PaymentSource(payment_method=setup.payment_method)
    with pytest.raises(Declined) as alone:
        pay(world, make(world).id, method, off_session=True)
    assert alone.value.error.code == "authentication_required"

    setup = made(world, customer, ON_SETUP)
    setups.authenticate(world, setup.id, True)
    method = PaymentSource(payment_method=setup.payment_method)
    extras = {"customer": customer}
    alone_again = make(world, extras=extras)
    assert pay(world, alone_again.id, method, off_session=True).status == "succeeded"
    # Where the payer is there, it asks as before.
    assert pay(world, make(world, extras=extras).id, method).status == "requires_action"


def test_whoever_fails_to_authenticate_or_is_declined_may_try_another_card(
    world: World, customer: str
) -> None:
    setup = made(world, customer, ON_SETUP)
    failed = setups.authenticate(world, setup.id, False)
    assert failed.status == "requires_payment_method"
    assert failed.last_setup_error is not None
    assert failed.last_setup_error.code == "setup_intent_authentication_failure"
    with pytest.raises(SetupDeclined) as declined:
        setups.confirm(world, setup.id, DECLINED, CAUSE)
    assert declined.value.error.setup_intent is not None
    assert event_types(world)[-1] == "setup_intent.setup_failed"
    assert setups.confirm(world, setup.id, VISA, CAUSE).status == "succeeded"


@pytest.mark.parametrize(
    ("card", "kept"),
    [
        ("chargeDeclined", False),
        ("chargeDeclinedExpiredCard", False),
        ("chargeCustomerFail", True),
        ("visa_chargeCustomerFail", True),
    ],
)
def test_a_bank_has_a_card_kept_or_not(client: stripe.StripeClient, card: str, kept: bool) -> None:
    """https://docs.stripe.com/testing#declined-payments: what declines cannot be attached, but for
    the one card that declines afterwards."""
    card = f"pm_card_{card}"
    customer = client.v1.customers.create({"email": "a@shop.test"})
    ways: list[Callable[[], Any]] = [
        lambda: client.v1.payment_methods.attach(card, {"customer": customer.id}),
        lambda: client.v1.setup_intents.create(
            {"customer": customer.id, "payment_method": card, "confirm": True}
        ),
        lambda: client.v1.customers.create({"payment_method": card}),
    ]
    if not kept:
        for way in ways:
            with pytest.raises(stripe.CardError):
                way()
        assert len(client.v1.customers.list().data) == 1
        return
    method = ways[0]()
    assert [way() for way in ways[1:]]
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.create(
            {
                "amount": 500,
                "currency": "usd",
                "customer": customer.id,
                "payment_method": method.id,
                "confirm": True,
            }
        )
    assert declined.value.code == "card_declined"


def test_one_that_is_given_up_stays_so(world: World) -> None:
    setup = setups.create(world, CreateSetup(), CAUSE)
    setups.cancel(world, setup.id, "abandoned", CAUSE)
    for act in (
        lambda: setups.confirm(world, setup.id, VISA, CAUSE),
        lambda: setups.update(world, setup.id, VISA, {}, None),
        lambda: setups.authenticate(world, setup.id, True),
    ):
        with pytest.raises(StripeError) as refused:
            act()
        assert refused.value.error.code == "setup_intent_unexpected_state"
    assert world.setups[setup.id].status == "canceled"


def test_a_session_saves_a_card(world: World, customer: str) -> None:
    request = CreateSession(lines=(), extras={"mode": "setup", "customer": customer})
    session = checkout_making.create(world, request, CAUSE)
    assert (session.amount_total, session.currency) == (None, None)
    waiting = checkout.pay(world, session.id, ON_SETUP)
    assert (waiting.status, waiting.setup_intent is not None) == ("open", True)
    with pytest.raises(StripeError, match="expire that instead"):
        setups.cancel(world, str(waiting.setup_intent), None, CAUSE)
    checkout.authenticate_setup(world, str(waiting.setup_intent), True)
    done = world.sessions[session.id]
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    assert len(world.methods_of[customer]) == 1
    assert not len(world.intents)


def test_a_shop_saves_a_card_over_http(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "a@shop.test"})
    sale: Any = {"mode": "setup", "success_url": "http://127.0.0.1:9/saved", "currency": "usd"}
    session = client.v1.checkout.sessions.create({**sale, "customer": customer.id})
    assert session.url is not None
    assert "Save a card" in httpx.get(session.url).text
    form = {"payment_method": "pm_card_authenticationRequiredOnSetup"}
    asked = httpx.post(session.url, data=form, follow_redirects=False)
    page = asked.headers["location"]
    done = httpx.post(page, data={"outcome": "complete"}, follow_redirects=False)
    assert done.headers["location"] == "http://127.0.0.1:9/saved"
    (card,) = client.v1.customers.payment_methods.list(customer.id).data
    paid = client.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": card.id,
            "off_session": True,
            "confirm": True,
        }
    )
    assert paid.status == "succeeded"
    with pytest.raises(stripe.CardError) as declined:
        client.v1.setup_intents.create(
            {"payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    assert declined.value.error is not None
    assert declined.value.error.setup_intent is not None
    assert client.v1.customer_sessions.create(
        {"customer": customer.id, "components": {"payment_element": {"enabled": True}}}
    ).client_secret
