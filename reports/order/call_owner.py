"""Whose call was it: gives the calls at a tap to the operations they were made for. Pure.

Calls at a tap usually carry no name of the attempt they were made for. A call is given to an
operation when the history leaves one choice: the effect names its attempt; the operation's answer
names the object the call made; or it is the only one, of those that could have made such a call
and were waiting for an answer when it began, that no call made its own yet. What remains is
nobody's, never guessed.
"""

from __future__ import annotations

from paidonce.harness.history import Action, Effect, Operation

_MAKES = {
    "payment_intent.create": {Action.REQUEST, Action.PAY, Action.CREATE_INTENT},
    "payment_intent.confirm": {Action.REQUEST, Action.PAY, Action.CONFIRM_IN_BROWSER},
    "payment_intent.cancel": {Action.REQUEST, Action.CANCEL, Action.CHANGE_AMOUNT, Action.PAY},
    "payment_intent.update": {Action.REQUEST, Action.CHANGE_AMOUNT, Action.PAY},
    "refund.create": {Action.REQUEST, Action.REFUND},
}


def owners(effects: list[Effect], operations: tuple[Operation, ...]) -> list[int | None]:
    """For each effect the ``op`` it was made for, or None; see the module's rule."""
    owned = [_named_owner(effect, operations) for effect in effects]
    busy = {owner for owner in owned if owner is not None}
    for index, effect in enumerate(effects):
        if owned[index] is None:
            left = [o for o in _waiting(effect, operations) if o.invoked.op not in busy]
            if len(left) == 1:
                owned[index] = left[0].invoked.op
                busy.add(left[0].invoked.op)
    # What is left may be a further call about a payment that is somebody's by now.
    by_payment: dict[str, int] = {}
    for effect, owner in zip(effects, owned, strict=True):
        payment = payment_of(effect)
        if owner is not None and payment is not None:
            by_payment.setdefault(payment, owner)
    for index, effect in enumerate(effects):
        if owned[index] is None:
            owner = by_payment.get(payment_of(effect) or "")
            waiting = {operation.invoked.op for operation in _waiting(effect, operations)}
            owned[index] = owner if owner in waiting else None
    return owned


def payment_of(effect: Effect) -> str | None:
    """The payment intent a call is about: named in its answer, its path or its parameters."""
    answered = (effect.answer or {}).get("id")
    if isinstance(answered, str) and effect.label.startswith("payment_intent."):
        return answered
    path = str(effect.request.get("path", ""))
    segments = [segment for segment in path.split("/") if segment]
    if len(segments) >= 3 and segments[1] == "payment_intents":
        return segments[2]
    params = effect.request.get("params")
    named = params.get("payment_intent") if isinstance(params, dict) else None
    return named if isinstance(named, str) else None


def payment_answered(operation: Operation) -> str | None:
    """The payment the operation's answer names."""
    value = operation.completed.value.get("payment_id") if operation.completed else None
    return value if isinstance(value, str) else None


def _object_answered(operation: Operation, label: str) -> str | None:
    """The id of what the operation's answer says was made: a refund, or a payment."""
    if not label.startswith("refund."):
        return payment_answered(operation)
    value = operation.completed.value.get("refund_id") if operation.completed else None
    return value if isinstance(value, str) else None


def _named_owner(effect: Effect, operations: tuple[Operation, ...]) -> int | None:
    waiting = _waiting(effect, operations)
    if effect.attempt is not None:
        named = [o for o in waiting if o.invoked.attempt == effect.attempt]
        return named[-1].invoked.op if named else None
    if len(waiting) == 1:
        return waiting[0].invoked.op
    made = payment_of(effect)
    if effect.label.startswith("refund."):
        refund = (effect.answer or {}).get("id")
        made = refund if isinstance(refund, str) else None
    answered = [
        o
        for o in waiting
        if made is not None
        and _object_answered(o, effect.label) == made
        and not (o.completed is not None and o.completed.replayed)
    ]
    return answered[0].invoked.op if len(answered) == 1 else None


def _waiting(effect: Effect, operations: tuple[Operation, ...]) -> list[Operation]:
    """The operations that could have made this call: of a fitting kind, and under way."""
    makers = _MAKES.get(effect.label)
    return [
        o
        for o in operations
        if o.invoked.t <= effect.began
        and (o.completed is None or effect.began <= o.completed.t)
        and (makers is None or o.invoked.action in makers)
        and o.invoked.action is not Action.READ
    ]
