"""Invoices: what a customer owes, and how it is paid.

::

    draft ──finalized──> open ──paid──────────────> paid
      │                   │  └──voided───────────> void
      └──deleted          └──given up──> uncollectible ──paid, or voided──> …

Finalizing gives an invoice its number, takes off what the customer's balance has, and makes the
payment intent that pays the rest; whatever pays that intent pays the invoice. An invoice is paid
once: what comes second is refused. Sources: https://docs.stripe.com/invoicing/overview and
https://docs.stripe.com/api/invoices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import confirming, credit, intents, money
from paidonce.harness.simulator.domain.billing_objects import Invoice, InvoicePayment
from paidonce.harness.simulator.domain.confirming import Confirmation
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.intents import CreateIntent
from paidonce.harness.simulator.domain.invoice_drafts import require
from paidonce.harness.simulator.domain.objects import Customer, EventRequest, PaymentIntent
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

Follower = Callable[[World, Invoice, str, EventRequest], None]
FOLLOWERS: list[Follower] = []
"""Told when an invoice is ``paid``, or when its payment has ``failed`` or asks for ``action``."""


def finalize(
    world: World, identifier: str, cause: EventRequest, paid_with: PaymentIntent | None = None
) -> Invoice:
    """Make a draft final; what is nothing is paid thereby. 400 where it is no draft.

    ``paid_with`` is an intent that pays it, or has paid it already, all of it.
    """
    invoice = require(world, identifier)
    if invoice.status != "draft":
        raise StripeError(
            400,
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = world.customers[invoice.customer]
    due, balance = invoice.total, customer.balance
    if paid_with is None:
        due, balance = balanced(invoice.total, customer, invoice.currency)
    now = world.now()
    number = customer.next_invoice_sequence
    credit.apply(world, customer.id, balance, invoice.currency, identifier)
    counted = replace(world.customers[customer.id], next_invoice_sequence=number + 1)
    world.customers.put(counted)
    paper = f"{world.base_url}/_paidonce/invoice/{identifier}"
    invoice = replace(
        invoice,
        amount_due=due,
        amount_remaining=due,
        automatically_finalizes_at=None,
        effective_at=now,
        ending_balance=balance,
        hosted_invoice_url=paper,
        invoice_pdf=f"{paper}/pdf",
        number=invoice.number or f"{customer.invoice_prefix}-{number:04d}",
        starting_balance=customer.balance,
        status="open",
        status_transitions={**invoice.status_transitions, "finalized_at": now},
    )
    world.invoices.put(invoice)
    world.emit("invoice.finalized", invoice, cause)
    if not due:
        return settled(world, invoice, 0, cause)
    intent = paid_with or _intent(world, invoice, cause)
    world.invoice_of[intent.id] = identifier
    world.invoice_payments.put(
        InvoicePayment(
            id=world.ids.draw("inpay_"),
            amount_requested=due,
            created=now,
            currency=invoice.currency,
            invoice=identifier,
            payment={"payment_intent": intent.id, "type": "payment_intent"},
            status_transitions={"canceled_at": None, "paid_at": None},
        )
    )
    if paid_with is not None and paid_with.status == "succeeded":
        return settled(world, invoice, paid_with.amount_received, cause)
    return invoice


def pay(
    world: World,
    identifier: str,
    source: PaymentSource | None,
    cause: EventRequest,
    *,
    off_session: bool = True,
    out_of_band: bool = False,
) -> Invoice:
    """Try to pay, a draft being finalized first; raises ``Declined`` where a card says no.

    400 where it is paid or void, or there is nothing to pay with.
    """
    invoice = require(world, identifier)
    if invoice.status == "draft":
        invoice = finalize(world, identifier, cause)
        if invoice.status == "paid":
            return invoice
    if invoice.status not in ("open", "uncollectible"):
        what = "already paid" if invoice.status == "paid" else f"{invoice.status}"
        raise StripeError(400, f"Invoice is {what}", type="invalid_request_error")
    if out_of_band:
        _give_up_intent(world, identifier, cause)
        return settled(world, invoice, invoice.amount_due, cause)
    if source is None:
        source = source_of(world, invoice)
    if source is None:
        raise StripeError(
            400,
            "There is no `default_payment_method` set on this Customer or Invoice. Please set "
            "either property, or pay this invoice with a `payment_method`.",
            param="payment_method",
        )
    payment = payment_of(world, identifier)
    assert payment is not None
    how = Confirmation(source=source, off_session=off_session)
    confirming.confirm(world, payment.payment["payment_intent"], how, cause)
    return world.invoices[identifier]


def void(world: World, identifier: str, cause: EventRequest) -> Invoice:
    """Take an invoice back for good; 400 unless it is open or uncollectible."""
    invoice = _decidable(world, identifier, "void", ("open", "uncollectible"))
    _give_up_intent(world, identifier, cause)
    credit.give_back(world, identifier)
    return _ended(world, invoice, "void", "voided_at", "invoice.voided", cause)


def mark_uncollectible(world: World, identifier: str, cause: EventRequest) -> Invoice:
    """Give an invoice up, which may be paid all the same; 400 unless it is open, or a draft."""
    if require(world, identifier).status == "draft":
        finalize(world, identifier, cause)
    invoice = _decidable(world, identifier, "mark uncollectible", ("open",))
    what = "invoice.marked_uncollectible"
    return _ended(world, invoice, "uncollectible", "marked_uncollectible_at", what, cause)


def send(world: World, identifier: str, cause: EventRequest) -> Invoice:
    """Send an invoice to its customer, a draft being finalized first; nobody gets a letter."""
    invoice = require(world, identifier)
    if invoice.collection_method != "send_invoice":
        raise StripeError(
            400,
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
        )
    if invoice.status == "draft":
        invoice = finalize(world, identifier, cause)
    elif invoice.status in ("void", "uncollectible"):
        raise StripeError(400, f"You cannot send an invoice that is {invoice.status}.")
    world.emit("invoice.sent", invoice, cause)
    return invoice


def source_of(world: World, invoice: Invoice) -> PaymentSource | None:
    """Return what pays an invoice: its own, its subscription's, its customer's."""
    named = invoice.default_payment_method
    subscription = invoice.subscription
    if named is None and subscription is not None:
        named = world.subscriptions[subscription].default_payment_method
    if named is None:
        settings = world.customers[invoice.customer].invoice_settings
        named = settings["default_payment_method"]
    if named is None or named in world.spent:
        return None
    return PaymentSource(payment_method=named)


def payment_of(world: World, identifier: str) -> InvoicePayment | None:
    """The payment of an invoice, once that is final."""
    ids = world.invoice_payments.having(
        "invoice", lambda invoice_payment: str(invoice_payment.invoice), identifier
    )
    return world.invoice_payments[ids[-1]] if ids else None


def settled(world: World, invoice: Invoice, amount: int, cause: EventRequest) -> Invoice:
    """Enter that an invoice is paid, and tell the followers."""
    now = world.now()
    payment = payment_of(world, invoice.id)
    if payment is not None and payment.status == "open":
        times = {**payment.status_transitions, "paid_at": now}
        payment = replace(payment, status="paid", amount_paid=amount, status_transitions=times)
        world.invoice_payments.put(payment)
    invoice = replace(
        invoice,
        status="paid",
        amount_paid=amount,
        amount_remaining=invoice.amount_due - amount,
        attempted=True,
        attempt_count=invoice.attempt_count + (1 if amount and payment is not None else 0),
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice.status_transitions, "paid_at": now},
    )
    world.invoices.put(invoice)
    world.emit("invoice.paid", invoice, cause)
    world.emit("invoice.payment_succeeded", invoice, cause)
    if payment is not None and payment.status == "paid":
        world.emit("invoice_payment.paid", payment, cause)
    for follower in FOLLOWERS:
        follower(world, invoice, "paid", cause)
    return world.invoices[invoice.id]


def _intent(world: World, invoice: Invoice, cause: EventRequest) -> PaymentIntent:
    subscription = invoice.subscription
    what = {"subscription_create": "Subscription creation", "subscription_update": "Subscription"}
    description = what.get(invoice.billing_reason, "Payment for Invoice")
    request = CreateIntent(
        amount=invoice.amount_due,
        currency=invoice.currency,
        payment_method_types=_types(invoice.currency),
        extras={
            "customer": invoice.customer,
            "description": description,
            "setup_future_usage": None if subscription is None else "off_session",
        },
    )
    return intents.create(world, request, cause)


def _types(currency: str) -> tuple[str, ...]:
    return ("card", "us_bank_account") if currency == "usd" else ("card",)


def balanced(total: int, customer: Customer, currency: str) -> tuple[int, int]:
    """Return what is due, and the customer's balance afterwards; a negative one is a credit.

    What is too little to be charged goes to the balance, and nothing is due
    (https://docs.stripe.com/billing/customer/balance). A balance in another currency stays.
    """
    balance = customer.balance
    if customer.currency not in (None, currency):
        return max(0, total), balance
    due = max(0, total + balance)
    if 0 < due < money.minimum(currency):
        return 0, due
    return due, min(0, total + balance)


def _decidable(world: World, identifier: str, what: str, allowed: tuple[str, ...]) -> Invoice:
    invoice = require(world, identifier)
    if invoice.status not in allowed:
        raise StripeError(
            400,
            f"You cannot {what} an invoice with a status of {invoice.status}; it must be "
            f"{' or '.join(allowed)}.",
        )
    return invoice


def _give_up_intent(world: World, identifier: str, cause: EventRequest) -> None:
    payment = payment_of(world, identifier)
    if payment is None or payment.status != "open":
        return
    times = {**payment.status_transitions, "canceled_at": world.now()}
    world.invoice_payments.put(replace(payment, status="canceled", status_transitions=times))
    intents.give_up(world, payment.payment["payment_intent"], "void_invoice", cause)


def _ended(
    world: World, invoice: Invoice, status: Any, when: str, event: str, cause: EventRequest
) -> Invoice:
    invoice = replace(
        invoice,
        status=status,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice.status_transitions, when: world.now()},
    )
    world.invoices.put(invoice)
    world.emit(event, invoice, cause)
    return invoice
