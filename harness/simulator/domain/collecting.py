"""Lets invoices go their way: finalized after an hour, paid, tried again, and followed
when whatever pays their payment intent is confirmed.

Source: https://docs.stripe.com/invoicing/automatic-collection.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain import invoices, outcomes
from paidonce.harness.simulator.domain.billing_objects import Invoice
from paidonce.harness.simulator.domain.clocks import time_of
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.errors import Declined, StripeError
from paidonce.harness.simulator.domain.invoices import FOLLOWERS, settled, source_of
from paidonce.harness.simulator.domain.objects import EventRequest, PaymentIntent
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

RETRY_DAYS = (3, 5, 7)
"""When a payment that has failed is tried again, in days from the attempt before. Of a custom
schedule there are up to three (https://docs.stripe.com/invoicing/automatic-collection)."""


def advance(world: World, identifier: str) -> None:
    """A draft's hour is over: finalize it, and pay or send it, if it is to go on by itself."""
    invoice = world.invoices[identifier]
    if invoice.status != "draft" or not invoice.auto_advance or identifier in world.deleted:
        return
    invoice = invoices.finalize(world, identifier, BY_ITSELF)
    if invoice.status != "open":
        return
    if invoice.collection_method == "send_invoice":
        world.emit("invoice.sent", invoice, BY_ITSELF)
    else:
        collect(world, identifier)


def collect(world: World, identifier: str) -> None:
    """Try to pay with nobody there; what becomes of it the followers are told."""
    invoice = world.invoices[identifier]
    if invoice.status != "open" or not invoice.auto_advance:
        return
    if source_of(world, invoice) is None:
        attempted(world, invoice, "failed", BY_ITSELF)
        return
    try:
        invoices.pay(world, identifier, None, BY_ITSELF)
    except Declined:
        pass  # which ``follow`` has entered
    except StripeError:
        attempted(world, world.invoices[identifier], "failed", BY_ITSELF)


def retry(world: World, identifier: str) -> None:
    """The time to try once more has come, unless something else has been decided since."""
    invoice = world.invoices[identifier]
    if invoice.next_payment_attempt == world.now():
        collect(world, identifier)


def follow(world: World, intent: PaymentIntent, cause: EventRequest) -> None:
    """Enter what has become of an invoice's payment intent."""
    identifier = world.invoice_of.get(intent.id)
    if identifier is None:
        return
    invoice = world.invoices[identifier]
    if invoice.status not in ("open", "uncollectible"):
        return
    with time_of(world, invoice.customer):
        if intent.status == "succeeded":
            settled(world, invoice, intent.amount_received, cause)
        elif intent.status == "requires_payment_method":
            attempted(world, invoice, "failed", cause)
        elif intent.status == "requires_action":
            attempted(world, invoice, "action", cause)


def attempted(world: World, invoice: Invoice, outcome: str, cause: EventRequest) -> None:
    """Enter an attempt to pay that has ``failed``, or asks for ``action``; plan the next one."""
    count = invoice.attempt_count + (outcome == "failed")
    upcoming = None
    automatic = invoice.auto_advance and invoice.collection_method == "charge_automatically"
    if outcome == "failed" and automatic and count <= len(RETRY_DAYS):
        upcoming = world.now() + RETRY_DAYS[count - 1] * 86_400
        world.plan(upcoming - world.at(), "retry", invoice.id)
    invoice = replace(invoice, attempted=True, attempt_count=count, next_payment_attempt=upcoming)
    world.invoices.put(invoice)
    what = "payment_failed" if outcome == "failed" else "payment_action_required"
    world.emit(f"invoice.{what}", invoice, cause)
    for follower in FOLLOWERS:
        follower(world, invoice, outcome, cause)


outcomes.FOLLOWERS.append(follow)
