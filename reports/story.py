"""Reads one order's story out of a history: who asked what, which Stripe call was whose. Pure.

Calls at a tap usually carry no name of the attempt they were made for. A call is given to an
attempt when the history leaves one choice: the effect names it; the attempt's answer names the
object the call made; or it is the only attempt, of those that could have made such a call and
were waiting for an answer when it began, that no call made its own yet. What remains is shown
as nobody's, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.history import (
    Action,
    ChargeObserved,
    Completed,
    Effect,
    Fault,
    History,
    IntentObserved,
    Invoked,
    Operation,
    OrderCreated,
    OrderObserved,
)
from harness.verdict import Verdict
from reports.words import money

_MAKES = {
    "payment_intent.create": {Action.PAY, Action.CREATE_INTENT},
    "payment_intent.confirm": {Action.PAY, Action.CONFIRM_IN_BROWSER},
    "payment_intent.cancel": {Action.CANCEL, Action.CHANGE_AMOUNT, Action.PAY},
    "payment_intent.update": {Action.CHANGE_AMOUNT, Action.PAY},
    "refund.create": {Action.REFUND},
}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call to Stripe for this order; ``owner`` is the operation it was made for, if known.

    ``payment`` is the id of the payment intent it is about. ``took`` tells that money was taken
    by it, ``made`` that it made a new intent. ``faults`` are those at it, ``holds`` the spans
    (nanoseconds) for which the harness held it. ``done`` is when Stripe had done it, as well as
    that is known: an answer that was held is late, but what it tells was done before.
    """

    effect: Effect
    position: int
    owner: int | None
    payment: str | None
    made: bool
    took: bool
    done: int
    faults: tuple[Fault, ...] = ()
    holds: tuple[tuple[int, int], ...] = ()


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All that concerns one order, in recorded order.

    ``taken`` maps the id of each payment by which money was taken to its amount in minor units,
    in the order in which it happened. ``faults`` are those of no call in ``calls``.
    """

    order: str
    amount: int | None
    currency: str
    operations: tuple[Operation, ...]
    calls: tuple[Call, ...]
    taken: dict[str, int]
    faults: tuple[Fault, ...]

    def price(self, amount: int | None = None) -> str:
        """An amount of this order's currency, or the order's own."""
        value = self.amount if amount is None else amount
        return "an unknown amount" if value is None else money(value, self.currency)


def order_in_focus(history: History, verdict: Verdict | None) -> str | None:
    """The order a verdict's evidence is about; else the first order anything was asked of."""
    for position in verdict.evidence if verdict is not None else ():
        if 0 <= position < len(history.events):
            order = _order_of(history, history.events[position])
            if order is not None:
                return order
    named = (event.order for _, event in history.of(Invoked))
    created = (event.order for _, event in history.of(OrderCreated))
    return next(named, None) or next(created, None)


def _order_of(history: History, event: object) -> str | None:
    if isinstance(event, Completed):
        for operation in history.operations:
            if operation.invoked.op == event.op:
                return operation.invoked.order
    if isinstance(event, Invoked | Effect | OrderCreated | OrderObserved):
        return event.order
    if isinstance(event, IntentObserved | ChargeObserved):
        return event.order
    return None


def tell(history: History, order: str) -> Story:
    """The story of ``order``; reads are left out, as they change nothing."""
    operations = tuple(
        operation
        for operation in history.by_order.get(order, ())
        if operation.invoked.action is not Action.READ
    )
    created = next((e for _, e in history.of(OrderCreated) if e.order == order), None)
    observed = next((e for _, e in history.of(OrderObserved) if e.order == order), None)
    base = created or observed
    calls, faults = _calls(history, order, operations)
    return Story(
        order=order,
        amount=None if base is None else base.amount,
        currency="" if base is None else base.currency,
        operations=operations,
        calls=calls,
        taken=_taken(history, order, calls, 0 if base is None else base.amount),
        faults=faults,
    )


def _calls(
    history: History, order: str, operations: tuple[Operation, ...]
) -> tuple[tuple[Call, ...], tuple[Fault, ...]]:
    intents = {e.id for _, e in history.of(IntentObserved) if e.order == order}
    intents |= {payment for o in operations if (payment := _payment_answered(o)) is not None}
    alone = len({event.order for _, event in history.of(Invoked)}) <= 1
    mine = [
        (position, effect)
        for position, effect in history.of(Effect)
        if effect.tap == "stripe"
        and (
            effect.order == order or _payment_of(effect) in intents or (alone and not effect.order)
        )
    ]
    owners = _owners([effect for _, effect in mine], operations)
    faults: dict[int, list[Fault]] = {}
    rest = []
    numbers = {effect.seq for _, effect in mine}
    for _, fault in history.of(Fault):
        if fault.tap == "stripe" and fault.seq in numbers and fault.seq is not None:
            faults.setdefault(fault.seq, []).append(fault)
        elif alone:
            rest.append(fault)
    known: set[str] = set()
    taken: set[str] = set()
    calls = []
    for (position, effect), owner in zip(mine, owners, strict=True):
        payment, answer = _payment_of(effect), effect.answer or {}
        succeeded = answer.get("state") == "succeeded" and _is_ok(answer)
        writes = effect.label in ("payment_intent.create", "payment_intent.confirm")
        made = effect.label == "payment_intent.create" and bool(payment) and payment not in known
        took = writes and succeeded and payment is not None and payment not in taken
        known |= {payment} if payment else set()
        taken |= {payment} if took and payment else set()
        calls.append(
            Call(
                effect=effect,
                position=position,
                owner=owner,
                payment=payment,
                made=made,
                took=took,
                done=_done(effect, faults.get(effect.seq, [])),
                faults=tuple(faults.get(effect.seq, ())),
                holds=_holds(effect, faults.get(effect.seq, [])),
            )
        )
    return tuple(calls), tuple(rest)


def _holds(effect: Effect, faults: list[Fault]) -> tuple[tuple[int, int], ...]:
    """Each hold lasts until the next release, or until the answer passed."""
    spans = []
    for fault in faults:
        if fault.kind == "hold":
            ends = [f.t for f in faults if f.kind == "release" and f.t >= fault.t]
            spans.append((fault.t, min([*ends, max(effect.t, fault.t)])))
    return tuple(spans)


def _done(effect: Effect, faults: list[Fault]) -> int:
    held = [f.t for f in faults if f.kind == "hold" and "answer" in f.detail]
    return min([effect.t, *held])


def _is_ok(answer: Mapping[str, Any]) -> bool:
    status = answer.get("status")
    return not isinstance(status, int) or 200 <= status < 300


def _payment_answered(operation: Operation) -> str | None:
    value = operation.completed.value.get("payment_id") if operation.completed else None
    return value if isinstance(value, str) else None


def _object_answered(operation: Operation, label: str) -> str | None:
    """The id of what the operation's answer says was made: a refund, or a payment."""
    if not label.startswith("refund."):
        return _payment_answered(operation)
    value = operation.completed.value.get("refund_id") if operation.completed else None
    return value if isinstance(value, str) else None


def _payment_of(effect: Effect) -> str | None:
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


def _owners(effects: list[Effect], operations: tuple[Operation, ...]) -> list[int | None]:
    """For each effect the ``op`` it was made for, or None; see the module's rule."""
    owners: list[int | None] = []
    for effect in effects:
        owners.append(_named_owner(effect, operations))
    busy = {owner for owner in owners if owner is not None}
    by_payment: dict[str, int] = {}
    for index, effect in enumerate(effects):
        if owners[index] is not None:
            continue
        candidates = [o for o in _waiting(effect, operations) if o.invoked.op not in busy]
        if len(candidates) == 1:
            owners[index] = candidates[0].invoked.op
            busy.add(candidates[0].invoked.op)
    for effect, owner in zip(effects, owners, strict=True):
        payment = _payment_of(effect)
        if owner is not None and payment is not None:
            by_payment.setdefault(payment, owner)
    for index, effect in enumerate(effects):
        if owners[index] is None:
            owner = by_payment.get(_payment_of(effect) or "")
            waiting = {operation.invoked.op for operation in _waiting(effect, operations)}
            owners[index] = owner if owner in waiting else None
    return owners


def _named_owner(effect: Effect, operations: tuple[Operation, ...]) -> int | None:
    waiting = _waiting(effect, operations)
    if effect.attempt is not None:
        named = [o for o in waiting if o.invoked.attempt == effect.attempt]
        return named[-1].invoked.op if named else None
    if len(waiting) == 1:
        return waiting[0].invoked.op
    made = _payment_of(effect)
    if effect.label.startswith("refund."):
        refund = (effect.answer or {}).get("id")
        made = refund if isinstance(refund, str) else None
    told = [
        o
        for o in waiting
        if made is not None
        and _object_answered(o, effect.label) == made
        and not (o.completed is not None and o.completed.replayed)
    ]
    return told[0].invoked.op if len(told) == 1 else None


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


def _taken(history: History, order: str, calls: tuple[Call, ...], amount: int) -> dict[str, int]:
    """By what Stripe lists where it does; else by what its answers said."""
    ledger = {
        charge.intent or charge.id: charge.amount
        for _, charge in history.of(ChargeObserved)
        if charge.order == order and charge.status == "succeeded"
    }
    if not ledger:
        ledger = {
            intent.id: intent.amount_received or intent.amount
            for _, intent in history.of(IntentObserved)
            if intent.order == order and intent.status == "succeeded"
        }
    seen: dict[str, int] = {}
    for call in calls:
        if call.took and call.payment is not None:
            answered = (call.effect.answer or {}).get("amount")
            told = answered if isinstance(answered, int) else amount
            seen[call.payment] = ledger.get(call.payment, told)
    return seen | {payment: value for payment, value in ledger.items() if payment not in seen}
