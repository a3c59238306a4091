"""The endpoint that says what an invoice would be.

Parameters: https://docs.stripe.com/api/invoices/create_preview.
"""

from __future__ import annotations

from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.previewing import Preview, preview
from paidonce.harness.simulator.domain.subscribing import UpdateSubscription
from paidonce.harness.simulator.endpoints import billing_params, intent_params
from paidonce.harness.simulator.endpoints.billing_params import off, refuse
from paidonce.harness.simulator.endpoints.listing import Execution
from paidonce.harness.simulator.endpoints.subscription_routes import PRORATIONS, trial_end
from paidonce.harness.simulator.wire.params import Params

_LATER = (
    *("customer_details", "invoice_items", "issuer", "on_behalf_of", "schedule"),
    "schedule_details",
)
_DETAILS_LATER = (
    *("billing_mode", "cancel_at", "default_tax_rates", "resume_at", "start_date"),
    "billing_cycle_anchor",
)


def create(params: Params, _: str) -> Execution:
    """POST /v1/invoices/create_preview."""
    refuse(params, *_LATER)
    off(params, "automatic_tax")
    if params.choice("preview_mode", ("next", "recurring")) == "recurring":
        raise Refused(400, "preview_mode=recurring is not simulated.", param="preview_mode")
    customer, subscription = params.string("customer"), params.string("subscription")
    if customer is None and subscription is None:
        raise params.missing("customer")
    code = params.string("currency")
    change, cancels_now = _change(params, known=subscription is not None)
    request = Preview(
        customer=customer,
        subscription=subscription,
        currency="usd" if code is None else intent_params.currency(code),
        discounts=billing_params.discounts(params),
        change=change,
        cancels_now=cancels_now,
    )
    return lambda world, cause: preview(world, request, cause)


def _change(params: Params, *, known: bool) -> tuple[UpdateSubscription | None, bool]:
    """``subscription_details``: the change that is asked about, and whether it is to end."""
    details = params.mapping("subscription_details")
    if details is None:
        return None, False
    refuse(details, *_DETAILS_LATER)
    trial, ends_trial = trial_end(details)
    extras = {}
    if details.has("cancel_at_period_end"):
        extras["cancel_at_period_end"] = details.boolean("cancel_at_period_end")
    cancels_now = details.boolean("cancel_now")
    change = UpdateSubscription(
        items=billing_params.items(details, known=known),
        proration=details.choice("proration_behavior", PRORATIONS) or "create_prorations",
        proration_date=details.integer("proration_date", minimum=0),
        trial_end=trial,
        ends_trial=ends_trial,
        extras=extras,
    )
    details.finish()
    return change, cancels_now
