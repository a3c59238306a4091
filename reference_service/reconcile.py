"""Ask Stripe what happened, where repeating the request cannot tell.

Stripe stores a 500 under its idempotency key like any other first answer and replays it from
then on (https://docs.stripe.com/api/idempotent_requests), and a key that belongs to a lost
attempt with other parameters is refused. Both requests are over, so what Stripe has now is what
came of them.
"""

from __future__ import annotations

from dataclasses import replace

from paidonce.reference_service.calls import CallKind, Intent, Outcome, Result, StripeCall
from paidonce.reference_service.gateway import Gateway
from paidonce.reference_service.sessions import EXPIRED, OPEN

_NOT_EXECUTED = Outcome(result=Result.NOT_EXECUTED)
_UNCLEAR = Outcome(result=Result.UNKNOWN, message="Stripe is still at it.")


def look(gateway: Gateway, call: StripeCall, key: str, since: int) -> Outcome:
    """Return the outcome of ``call``, sent with ``key`` not before ``since`` (Unix seconds).

    The outcome is UNKNOWN if Stripe does not answer, or has not finished.
    """
    if call.kind is CallKind.REFUND:
        assert call.payment_id is not None
        outcome = gateway.find_refund(call.payment_id, key)
        return outcome if not _answered(outcome) or outcome.refund_id else _NOT_EXECUTED
    if call.kind is CallKind.EXPIRE:
        return _expired(gateway, call)
    if call.kind is CallKind.CHECKOUT:
        return _opened(gateway, call, since)
    if call.kind is CallKind.CREATE:
        outcome = gateway.find_intent(call.order_id, since)
    else:
        assert call.payment_id is not None
        outcome = gateway.look_up(call.payment_id)
    if not _answered(outcome):
        return replace(outcome, result=Result.UNKNOWN)
    return _NOT_EXECUTED if outcome.intent is None else judge(call, outcome.intent)


def _expired(gateway: Gateway, call: StripeCall) -> Outcome:
    assert call.checkout_id is not None
    outcome = gateway.checkout(call.checkout_id)
    if outcome.checkout is None:
        return replace(outcome, result=Result.UNKNOWN)
    if outcome.checkout.status == OPEN:
        return _NOT_EXECUTED
    wanted = outcome.checkout.status == EXPIRED
    return replace(outcome, result=Result.SUCCEEDED if wanted else Result.WRONG_STATE)


def _opened(gateway: Gateway, call: StripeCall, since: int) -> Outcome:
    """The session that was opened; or, since they share a key, the intent that was made."""
    outcome = gateway.find_checkout(call.order_id, since)
    if not _answered(outcome):
        return replace(outcome, result=Result.UNKNOWN)
    if outcome.checkout is not None:
        return outcome
    made = gateway.find_intent(call.order_id, since)
    if not _answered(made):
        return replace(made, result=Result.UNKNOWN)
    if made.intent is None:
        return _NOT_EXECUTED
    if made.intent.status in ("processing", "requires_action", "requires_capture"):
        return replace(_UNCLEAR, intent=made.intent)
    return replace(made, result=Result.WRONG_STATE)


def judge(call: StripeCall, intent: Intent) -> Outcome:
    """Return what the intent as it is now says about ``call``; pure."""
    if intent.status in ("processing", "requires_action", "requires_capture"):
        return replace(_UNCLEAR, intent=intent)
    paying = call.kind is CallKind.CONFIRM or (call.kind is CallKind.CREATE and call.confirm)
    if paying:
        wanted, against = intent.status == "succeeded", intent.status == "canceled"
    elif call.kind is CallKind.CANCEL:
        wanted, against = intent.status == "canceled", intent.status == "succeeded"
    elif call.kind is CallKind.UPDATE:
        against = intent.status in ("succeeded", "canceled")
        wanted = intent.amount == call.amount and not against
    else:
        wanted, against = True, False
    if wanted:
        return Outcome(result=Result.SUCCEEDED, intent=intent)
    if against:
        return Outcome(result=Result.WRONG_STATE, intent=intent)
    if paying:
        return Outcome(
            result=Result.DECLINED, intent=intent, message="The payment did not succeed."
        )
    return replace(_NOT_EXECUTED, intent=intent)


def _answered(outcome: Outcome) -> bool:
    return outcome.result is Result.SUCCEEDED
