"""Disputes: a cardholder asks the bank for the money back.

::

    needs_response ──evidence──> under_review ──> won | lost
         └──given up, or no evidence in time──> lost

    warning_needs_response ──evidence──> warning_under_review ──> warning_closed
         └──given up, or refunded──> warning_closed

A dispute takes what is left of a charge, with a fee, as soon as it is there; one that is won gives
both back. A charge in dispute is not refunded, and what was refunded is not disputed. An inquiry (a
*warning*) takes nothing. Sources: https://docs.stripe.com/disputes/how-disputes-work,
https://docs.stripe.com/api/disputes, and https://docs.stripe.com/testing#disputes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain.booking import book
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.connect_objects import Dispute
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Charge, EventRequest, PaymentIntent
from paidonce.harness.simulator.domain.outcomes import FOLLOWERS
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

FEE = 1500
"""The price of a dispute until it is won, that of the United States (https://stripe.com/pricing)."""

_RESPONSE_SECONDS = 7 * 86_400
_NEEDED = ("needs_response", "warning_needs_response")
EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy"),
    *("cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication"),
    *("customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature"),
    *("duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id"),
    *("product_description", "receipt", "refund_policy", "refund_policy_disclosure"),
    *("refund_refusal_explanation", "service_date", "service_documentation"),
    *("shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation"),
    *("shipping_tracking_number", "uncategorized_file", "uncategorized_text"),
)


def require(world: World, identifier: str) -> Dispute:
    """The dispute of that id; 404 ``resource_missing`` otherwise."""
    dispute = world.disputes.get(identifier)
    if dispute is None:
        raise no_such("dispute", identifier, "dispute")
    return dispute


def open_(
    world: World, identifier: str, reason: str, cause: EventRequest, *, inquiry: bool = False
) -> Dispute:
    """The cardholder disputes a charge. 400 where nothing is left of it, or it is disputed."""
    charge = world.charges.get(identifier)
    if charge is None:
        raise no_such("charge", identifier, "charge", status=400)
    left = charge.amount_captured - charge.amount_refunded
    if not charge.paid or not left or charge.disputed:
        raise StripeError(
            400,
            f"The charge {identifier} cannot be disputed: it has brought nothing, or has been "
            "refunded or disputed before.",
            param="charge",
        )
    key = world.ids.draw("du_")
    taken = [] if inquiry else [_move(world, key, charge, -left, FEE)]
    brand = charge.payment_method_details.get("card", {}).get("brand", "visa")
    dispute = Dispute(
        id=key,
        amount=left,
        balance_transactions=taken,
        charge=identifier,
        created=world.now(),
        currency=charge.currency,
        enhanced_eligibility_types=[],
        evidence={**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        evidence_details={
            "due_by": world.now() + _RESPONSE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=charge.payment_intent,
        payment_method_details={
            "card": {
                "brand": brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    world.disputes.put(dispute)
    world.charges.put(replace(charge, disputed=True))
    world.plan(_RESPONSE_SECONDS, "dispute", key)
    world.emit("charge.dispute.created", dispute, cause)
    if taken:
        world.emit("charge.dispute.funds_withdrawn", dispute, cause)
    return dispute


def update(
    world: World,
    identifier: str,
    evidence: dict[str, Any],
    submit: bool,
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Dispute:
    """Give evidence, and send it to the bank unless it is to be kept; 400 where it is too late.

    As in test mode, ``winning_evidence`` and ``losing_evidence`` as the ``uncategorized_text`` say
    how the bank decides, which is at once.
    """
    dispute = require(world, identifier)
    if evidence and dispute.status not in _NEEDED:
        raise StripeError(
            400,
            f"This dispute has a status of {dispute.status}: evidence is not taken any more.",
            param="evidence",
        )
    given = {**dispute.evidence, **evidence}
    has = any(given[name] for name in EVIDENCE)
    dispute = replace(
        dispute,
        evidence=given,
        evidence_details={**dispute.evidence_details, "has_evidence": has},
        metadata=as_asked(dispute.metadata, metadata),
    )
    if evidence and submit:
        warned = dispute.status == "warning_needs_response"
        count = dispute.evidence_details["submission_count"] + 1
        dispute = replace(
            dispute,
            evidence_details={**dispute.evidence_details, "submission_count": count},
            status="warning_under_review" if warned else "under_review",
        )
    world.disputes.put(dispute)
    world.emit("charge.dispute.updated", dispute, cause)
    if dispute.status in ("under_review", "warning_under_review"):
        decision = {"winning_evidence": True, "losing_evidence": False}
        won = decision.get(str(given["uncategorized_text"]))
        if won is not None:
            return decide(world, identifier, won, cause)
    return dispute


def close(world: World, identifier: str, cause: EventRequest) -> Dispute:
    """Give a dispute up; 400 where it is decided."""
    dispute = require(world, identifier)
    if dispute.status not in (*_NEEDED, "under_review", "warning_under_review"):
        raise StripeError(400, f"This dispute is already closed: it is {dispute.status}.")
    return decide(world, identifier, False, cause)


def decide(world: World, identifier: str, won: bool, cause: EventRequest) -> Dispute:
    """The bank has decided; 400 where it has before."""
    dispute = require(world, identifier)
    if dispute.status in ("won", "lost", "warning_closed"):
        raise StripeError(400, f"This dispute is already closed: it is {dispute.status}.")
    if dispute.status.startswith("warning_"):
        dispute = replace(dispute, status="warning_closed")
    elif won:
        back = _move(world, identifier, world.charges[dispute.charge], dispute.amount, -FEE)
        entries = [*dispute.balance_transactions, back]
        dispute = replace(dispute, balance_transactions=entries, status="won")
    else:
        dispute = replace(dispute, status="lost")
    dispute = replace(dispute, is_charge_refundable=dispute.status != "lost")
    world.disputes.put(dispute)
    world.emit("charge.dispute.closed", dispute, cause)
    if dispute.status == "won":
        world.emit("charge.dispute.funds_reinstated", dispute, cause)
    return dispute


def expire(world: World, identifier: str) -> None:
    """Nobody has answered in time."""
    dispute = world.disputes[identifier]
    if dispute.status in _NEEDED:
        details = {**dispute.evidence_details, "past_due": True}
        world.disputes.put(replace(dispute, evidence_details=details))
        decide(world, identifier, False, BY_ITSELF)


def of_charge(world: World, charge: str) -> Dispute | None:
    """The dispute of a charge, of which there is at most one."""
    ids = world.disputes.having("charge", lambda dispute: str(dispute.charge), charge)
    return world.disputes[ids[-1]] if ids else None


def refuse_refund(world: World, charge: Charge) -> None:
    """400 ``charge_disputed`` where the cardholder has the money back by way of the bank."""
    dispute = of_charge(world, charge.id) if charge.disputed else None
    if dispute is not None and not dispute.is_charge_refundable:
        raise StripeError(
            400,
            f"The charge {charge.id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            param="charge",
        )


def refunded(world: World, charge: Charge, cause: EventRequest) -> None:
    """Whoever asked has the money: an inquiry is over."""
    dispute = of_charge(world, charge.id) if charge.disputed and charge.refunded else None
    if dispute is not None and dispute.status in ("warning_needs_response", "warning_under_review"):
        decide(world, dispute.id, True, cause)


def follow(world: World, intent: PaymentIntent, cause: EventRequest) -> None:
    """A payment was made with a card whose holder disputes it."""
    if intent.status != "succeeded" or intent.latest_charge is None:
        return
    card = world.card_of[str(intent.payment_method)]
    if card.disputes is not None and not world.charges[intent.latest_charge].disputed:
        open_(world, intent.latest_charge, card.disputes, cause, inquiry=card.inquires)


def _move(world: World, dispute: str, charge: Charge, amount: int, fee: int) -> Any:
    return book(
        world,
        kind="adjustment",
        category="dispute" if amount < 0 else "dispute_reversal",
        amount=amount,
        fee=fee,
        currency=charge.currency,
        source=dispute,
        available_on=world.now(),
    )


FOLLOWERS.append(follow)
