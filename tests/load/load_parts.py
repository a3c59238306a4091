"""Histories as the processes of one load run would have left them."""

from __future__ import annotations

from pathlib import Path

from paidonce.harness.history import (
    Action,
    Completed,
    Event,
    Header,
    Invoked,
    Journal,
    OrderCreated,
    Outcome,
)
from paidonce.harness.load.record.recorder import MEASURED, ORIGIN, WARMUP


def write(path: Path, origin: int, *events: Event, warmup: int = 100, measured: int = 1000) -> None:
    settings = {ORIGIN: str(origin), WARMUP: str(warmup), MEASURED: str(measured)}
    with Journal(path, Header(run="r", scenario="s", target="t", settings=settings)) as journal:
        for event in events:
            journal.record(event)


def created(t: int, order: str) -> OrderCreated:
    return OrderCreated(t=t, order=order, amount=1, currency="usd")


def invoked(t: int, op: int, order: str = "A") -> Invoked:
    return Invoked(t=t, op=op, attempt="user", action=Action.PAY, order=order)


def completed(t: int, op: int) -> Completed:
    return Completed(t=t, op=op, outcome=Outcome.OK)
