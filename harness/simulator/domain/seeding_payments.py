"""Objects of payments that are made because somebody names them: see ``seeding``."""

from __future__ import annotations

from paidonce.harness.simulator.domain import (
    cash,
    confirming,
    credit,
    customers,
    disputes,
    intents,
    payment_methods,
    refunds,
    setups,
)
from paidonce.harness.simulator.domain.cards import TOKENS
from paidonce.harness.simulator.domain.cash_objects import CreditTransaction
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.objects import PaymentIntent, WebhookEndpoint
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.seeding_request import Maker, NamingRequest, missing
from paidonce.harness.simulator.domain.state import World

AMOUNT = 2000
"""The amount of each, in minor units."""
_PAYS = PaymentSource(payment_method="pm_card_visa")
_VISA = PaymentSource(payment_method="pm_card_visa")


def paid(world: World, *, held: bool = False) -> str:
    """Make a payment, or an authorization; the id of its charge."""
    request = intents.CreateIntent(
        amount=AMOUNT,
        currency="usd",
        source=_PAYS,
        capture_method="manual" if held else "automatic_async",
    )
    intent = intents.create(world, request, BY_ITSELF)
    how = confirming.Confirmation()
    charge = confirming.confirm(world, intent.id, how, BY_ITSELF).latest_charge
    assert charge is not None
    return charge


def _customer(asked: NamingRequest, identifier: str) -> None:
    if missing(asked, asked.world.customers, "cus_", identifier):
        customers.create(asked.world, {}, {}, BY_ITSELF)


def _buyer(asked: NamingRequest, identifier: str) -> None:
    """Make the customer of whom a request is; one who subscribes can pay."""
    world = asked.world
    if asked.resource == "subscriptions" and identifier not in world.customers:
        world.ids.give("cus_", identifier)
        payer(world)
    else:
        _customer(asked, identifier)


def _method(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier.startswith("pm_card_") or not missing(
        asked, world.payment_methods, "pm_", identifier
    ):
        return
    method = payment_methods.create(world, _VISA, {})
    owner = asked.form.get("customer")
    if asked.resource == "payment_methods" and asked.action != "attach" and not owner:
        owner = customers.create(world, {}, {}, BY_ITSELF).id
    if isinstance(owner, str) and asked.action != "attach":
        payment_methods.attach(world, method.id, owner, BY_ITSELF)


def _methods_of(asked: NamingRequest, owner: str) -> None:
    """Make a payment method of a customer of whom they are listed."""
    world = asked.world
    if owner and not world.methods_of.get(owner):
        method = payment_methods.create(world, _VISA, {})
        payment_methods.attach(world, method.id, owner, BY_ITSELF)


def _methods(asked: NamingRequest, identifier: str) -> None:
    if identifier:
        _method(asked, identifier)
    else:
        _methods_of(asked, str(asked.form.get("customer", "")))


def _customers(asked: NamingRequest, identifier: str) -> None:
    _customer(asked, identifier)
    if asked.action == "payment_methods":
        if asked.part:
            _method(asked, asked.part)
        else:
            _methods_of(asked, identifier)
    elif asked.action == "cash_balance_transactions":
        _moves_of(asked, identifier)
    elif asked.action == "balance_transactions":
        _credits_of(asked, identifier)


def _credits_of(asked: NamingRequest, customer: str) -> None:
    """Credit a customer, where a movement of the credit balance is named or listed."""
    moves = asked.world.credit_moves
    if asked.part and asked.part not in moves:
        asked.world.ids.give("cbtxn_", asked.part)
    elif asked.part or not asked.lists or moves.having("customer", _owner, customer):
        return
    credit.set_to(asked.world, customer, asked.world.customers[customer].balance - AMOUNT)


def _owner(move: CreditTransaction) -> str:
    return move.customer


def _moves_of(asked: NamingRequest, customer: str) -> None:
    """Have money come to a customer's cash balance, where a movement is named or listed."""
    world = asked.world
    known = asked.part in world.cash_moves
    known |= not asked.part and any(move.customer == customer for move in world.cash_moves)
    if not known:
        if asked.part:
            world.ids.give("ccsbtxn_", asked.part)
        cash.fund(world, customer, AMOUNT, "usd", BY_ITSELF)


def _intent(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if not missing(asked, world.intents, "pi_", identifier):
        return
    if asked.resource == "refunds":
        charge = asked.form.get("charge")
        if isinstance(charge, str) and charge not in world.charges:
            world.ids.give("ch_", charge)
        paid(world)
        return
    if asked.action == "apply_customer_balance":
        _waiting(world)
        return
    held = asked.action in ("capture", "increment_authorization")
    request = intents.CreateIntent(
        amount=AMOUNT,
        currency="usd",
        source=_PAYS if held or asked.action == "confirm" else None,
        capture_method="manual" if held else "automatic_async",
        extras={"payment_method_options": intents.incremental_options()} if held else {},
    )
    intent = intents.create(world, request, BY_ITSELF)
    if held:
        confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)


def _waiting(world: World) -> PaymentIntent:
    """Make an intent that waits for a transfer which has come, and is to be applied by hand."""
    customer = customers.create(world, {"email": "a@shop.test"}, {}, BY_ITSELF).id
    cash.reconcile_by_hand(world, customer, by_hand=True)
    request = intents.CreateIntent(
        amount=AMOUNT,
        currency="usd",
        source=PaymentSource(funds=True),
        payment_method_types=("customer_balance",),
        extras={"customer": customer},
    )
    intent = intents.create(world, request, BY_ITSELF)
    confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)
    cash.fund(world, customer, AMOUNT, "usd", BY_ITSELF)
    return intent


def charge(asked: NamingRequest, identifier: str) -> None:
    if missing(asked, asked.world.charges, "ch_", identifier):
        intent = asked.form.get("payment_intent")
        if asked.resource == "refunds" and isinstance(intent, str):
            if intent in asked.world.intents:
                return
            asked.world.ids.give("pi_", intent)
        paid(asked.world, held=asked.action == "capture")


def _refund(asked: NamingRequest, identifier: str) -> None:
    if missing(asked, asked.world.refunds, "re_", identifier):
        if asked.action in ("cancel", "expire"):
            # Only one that waits for an answer can be canceled: that of a bank transfer.
            intent = _waiting(asked.world).id
            confirming.apply_balance(asked.world, intent, None, None, BY_ITSELF)
            charge = asked.world.intents[intent].latest_charge
        else:
            charge = paid(asked.world)
        refunds.create(asked.world, refunds.CreateRefund(charge=charge), BY_ITSELF)


def _movement(asked: NamingRequest, identifier: str) -> None:
    if missing(asked, asked.world.balance_transactions, "txn_", identifier):
        paid(asked.world)


def _event(asked: NamingRequest, identifier: str) -> None:
    if missing(asked, asked.world.events, "evt_", identifier):
        customers.create(asked.world, {}, {}, BY_ITSELF)


def _endpoint(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if missing(asked, world.webhook_endpoints, "we_", identifier):
        # Disabled: nobody is there to be told.
        made = WebhookEndpoint(
            id=world.ids.draw("we_"),
            created=world.now(),
            enabled_events=["*"],
            metadata={},
            status="disabled",
            url="https://example.com/webhook",
        )
        world.webhook_endpoints.put(made)
        world.secret_of[made.id] = f"whsec_{world.ids.draw('')}"


def _setup(asked: NamingRequest, identifier: str) -> None:
    if missing(asked, asked.world.setups, "seti_", identifier):
        source = _PAYS if asked.action == "confirm" else None
        setups.create(asked.world, setups.CreateSetup(source=source), BY_ITSELF)


def _dispute(asked: NamingRequest, identifier: str) -> None:
    if missing(asked, asked.world.disputes, "du_", identifier):
        disputes.open_(asked.world, paid(asked.world), "fraudulent", BY_ITSELF)


def _token(asked: NamingRequest, token: str) -> None:
    if token not in TOKENS:
        asked.world.tokens[token] = TOKENS["tok_visa"]


def payer(world: World) -> str:
    """Make a customer who has a card; the id."""
    customer = customers.create(world, {}, {}, BY_ITSELF).id
    method = payment_methods.create(world, _VISA, {})
    payment_methods.attach(world, method.id, customer, BY_ITSELF)
    customers.settle(world, customer, {"default_payment_method": method.id})
    return customer


BY_PATH: dict[str, Maker] = {
    "payment_intents": _intent,
    "charges": charge,
    "refunds": _refund,
    "test_helpers/refunds": _refund,
    "balance_transactions": _movement,
    "events": _event,
    "webhook_endpoints": _endpoint,
    "setup_intents": _setup,
    "payment_methods": _methods,
    "customers": _customers,
    "test_helpers/customers": _customers,
    "disputes": _dispute,
}
"""The makers of what a path is about, by resource."""

BY_NAME: dict[str, Maker] = {
    "customer": _buyer,
    "payment_method": _method,
    "payment_intent": _intent,
    "charge": charge,
    "token": _token,
    "source": _token,
    "source_transaction": charge,
}
"""The makers of what a parameter names, by its own name."""
