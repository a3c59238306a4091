"""The history of a double payment, as a proof would have recorded it."""

from __future__ import annotations

from pathlib import Path

from paidonce.harness.history import (
    Action,
    Backend,
    ChargeObserved,
    Completed,
    Effect,
    Ended,
    Event,
    Fault,
    Header,
    IntentObserved,
    Invoked,
    OrderCreated,
    OrderObserved,
    Outcome,
)
from paidonce.harness.history.lines import as_lines

MS = 1_000_000
CHECKERS = ("one-success", "one-intent", "one-charge", "ledger-agrees", "linearizable")
PI_A, PI_B = "pi_3Rk2aLq8VbXn41TzQ0f7Gd2m", "pi_3Rk2aMw5JcYp92UsE6h1Kx9t"


def double_payment(
    scenario: str = "two_tabs", variant: str = "none", *, held: bool = True
) -> list[Event]:
    """Two tabs pay one order at once; both calls are held until both have come, both succeed."""
    events: list[Event] = [
        Header(
            run=f"{variant}-{scenario}-1",
            scenario=scenario,
            target="reference",
            variant=variant,
            backends={"postgres": Backend(kind="embedded", version="18.4")},
            capabilities=("stripe.ledger", "stripe.calls"),
            checkers=CHECKERS,
            seed=7,
            settings={"pool": "5", "lease_ms": "1500"},
        ),
        OrderCreated(t=0, order="ord_1", amount=4990, currency="usd"),
        Invoked(t=2 * MS, op=0, attempt="tab 1", action=Action.PAY, order="ord_1"),
        Invoked(t=3 * MS, op=1, attempt="tab 2", action=Action.PAY, order="ord_1"),
    ]
    if held:
        events += [
            _hold(11, "hold", "request held until quiet", 1),
            _hold(13, "hold", "request held until quiet", 2),
            _hold(17, "release", "request released: quiet", 1),
            _hold(17, "release", "request released: quiet", 2),
        ]
    events += [
        _created(38, 1, 11, PI_A),
        _created(52, 2, 13, PI_B),
        _paid(46, 0, PI_A),
        _paid(61, 1, PI_B),
        OrderObserved(
            t=90 * MS,
            order="ord_1",
            payment_status="paid",
            payment_id=PI_B,
            amount=4990,
            currency="usd",
            refunded_amount=0,
        ),
    ]
    for payment in (PI_A, PI_B):
        events += [
            IntentObserved(
                t=92 * MS,
                id=payment,
                order="ord_1",
                status="succeeded",
                amount=4990,
                amount_received=4990,
                currency="usd",
            ),
            ChargeObserved(
                t=92 * MS,
                id=payment.replace("pi_", "ch_"),
                intent=payment,
                order="ord_1",
                status="succeeded",
                amount=4990,
                amount_refunded=0,
                currency="usd",
            ),
        ]
    return [*events, Ended(t=93 * MS)]


def _hold(at_ms: int, kind: str, detail: str, seq: int) -> Fault:
    text = f"payment_intent.create: {detail}"
    return Fault(t=at_ms * MS, tap="stripe", kind=kind, detail=text, seq=seq)


def _created(at_ms: int, seq: int, began_ms: int, payment: str) -> Effect:
    return Effect(
        t=at_ms * MS,
        tap="stripe",
        seq=seq,
        label="payment_intent.create",
        began=began_ms * MS,
        order="ord_1",
        request={
            "method": "POST",
            "path": "/v1/payment_intents",
            "params": {"amount": "4990", "currency": "usd", "confirm": "true"},
            "idempotency_key": None,
        },
        answer={
            "status": 200,
            "id": payment,
            "object": "payment_intent",
            "state": "succeeded",
            "amount": 4990,
        },
    )


def _paid(at_ms: int, op: int, payment: str) -> Completed:
    return Completed(
        t=at_ms * MS,
        op=op,
        outcome=Outcome.OK,
        status=200,
        value={"payment_id": payment, "amount": 4990},
    )


def write_history(path: Path, events: list[Event]) -> None:
    """Events as a history file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_lines(events))
