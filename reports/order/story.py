"""Reads one order's story out of a history: who asked what, what Stripe did, what was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from paidonce.harness.history import (
    Action,
    ChargeObserved,
    Completed,
    Effect,
    Fault,
    History,
    IntentObserved,
    Invoked,
    Observed,
    Operation,
    OrderCreated,
    OrderObserved,
)
from paidonce.harness.verdict import Verdict
from paidonce.reports.order.call_owner import owners as owners_of
from paidonce.reports.order.call_owner import payment_answered, payment_of
from paidonce.reports.words import money


class PaymentCall(msgspec.Struct, frozen=True, kw_only=True):
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


class OrderStory(msgspec.Struct, frozen=True, kw_only=True):
    """All that concerns one order, in recorded order.

    ``taken`` maps the id of each payment by which money was taken to its amount in minor units,
    in the order in which it happened. ``faults`` are those of no call in ``calls``.
    """

    order: str
    amount: int | None
    currency: str
    operations: tuple[Operation, ...]
    calls: tuple[PaymentCall, ...]
    taken: dict[str, int]
    faults: tuple[Fault, ...]

    def price(self, amount: int | None = None) -> str:
        """Return an amount of this order's currency, or the order's own."""
        value = self.amount if amount is None else amount
        return "an unknown amount" if value is None else money(value, self.currency)


def order_in_focus(history: History, verdict: Verdict | None) -> str | None:
    """Return the order that a verdict's evidence is about; else the first that was asked of."""
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
    if isinstance(event, Observed) and event.attempt is not None:
        asked = (e.order for _, e in history.of(Invoked) if e.attempt == event.attempt)
        return next(asked, None)
    return None


def story_of(history: History, order: str) -> OrderStory:
    """Return the story of ``order``; reads are left out, as they change nothing."""
    operations = tuple(
        operation
        for operation in history.by_order.get(order, ())
        if operation.invoked.action is not Action.READ
    )
    created = next((e for _, e in history.of(OrderCreated) if e.order == order), None)
    observed = next((e for _, e in history.of(OrderObserved) if e.order == order), None)
    base = created or observed
    calls, faults = _calls(history, order, operations)
    return OrderStory(
        order=order,
        amount=None if base is None else base.amount,
        currency=_currency(history, order) if base is None else base.currency,
        operations=operations,
        calls=calls,
        taken=_taken(history, order, calls, 0 if base is None else base.amount),
        faults=faults,
    )


def _currency(history: History, order: str) -> str:
    """Return the currency of what Stripe holds of the order; empty if it holds nothing."""
    intents = (e.currency for _, e in history.of(IntentObserved) if e.order == order)
    return next(intents, "")


def _calls(
    history: History, order: str, operations: tuple[Operation, ...]
) -> tuple[tuple[PaymentCall, ...], tuple[Fault, ...]]:
    intents = {e.id for _, e in history.of(IntentObserved) if e.order == order}
    intents |= {payment for o in operations if (payment := payment_answered(o)) is not None}
    alone = len({event.order for _, event in history.of(Invoked)}) <= 1
    mine = [
        (position, effect)
        for position, effect in history.of(Effect)
        if effect.tap == "stripe"
        and (effect.order == order or payment_of(effect) in intents or (alone and not effect.order))
    ]
    owners = owners_of([effect for _, effect in mine], operations)
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
        payment, answer = payment_of(effect), effect.answer or {}
        succeeded = answer.get("state") == "succeeded" and _is_ok(answer)
        writes = effect.label in ("payment_intent.create", "payment_intent.confirm")
        made = effect.label == "payment_intent.create" and bool(payment) and payment not in known
        took = writes and succeeded and payment is not None and payment not in taken
        known |= {payment} if payment else set()
        taken |= {payment} if took and payment else set()
        calls.append(
            PaymentCall(
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


def _taken(
    history: History, order: str, calls: tuple[PaymentCall, ...], amount: int
) -> dict[str, int]:
    """Return the amounts by what Stripe lists where it does; else by what its answers said."""
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
            received = answered if isinstance(answered, int) else amount
            seen[call.payment] = ledger.get(call.payment, received)
    return seen | {payment: value for payment, value in ledger.items() if payment not in seen}
