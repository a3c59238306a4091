"""Plays many orders of a target file, in real time, and counts how many were paid.

Orders are prepared before the clock runs, so that making them is no part of what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from paidonce.harness.errors import PaidonceError
from paidonce.harness.history import Completed, Event, Invoked
from paidonce.harness.http.client import NoAnswer, Wire
from paidonce.harness.results.fix_costs import AttemptsCome, PlayedOrders
from paidonce.harness.targets.check.bursts import RealTime, in_turn
from paidonce.harness.targets.run.clients import TargetClients
from paidonce.harness.targets.run.performance import TargetPerformance
from paidonce.harness.targets.run.script import TargetScript

LONGEST_REST_S = 60.0
"""How long orders may still take that were under way when the time was up."""


@dataclass(frozen=True)
class Pressure:
    """The load on a target: ``users`` orders at once, for ``seconds`` or until there were
    ``orders`` of them, whichever comes first; before that ``bursts``, one order at a time."""

    users: int = 16
    seconds: float = 10.0
    orders: int = 500
    bursts: int = 10
    stripe_latency: str = ""


class AnswerTimes:
    """A ``Recorder`` that keeps nothing but how long answers took, in milliseconds."""

    def __init__(self, took: list[float]) -> None:
        self._took = took
        self._asked: dict[int, int] = {}

    def now(self) -> int:
        return time.monotonic_ns()

    def record(self, event: Event) -> None:
        match event:
            case Invoked(t=t, op=op):
                self._asked[op] = t
            case Completed(t=t, op=op) if op in self._asked:
                self._took.append((t - self._asked.pop(op)) / 1e6)
            case _:
                pass


@dataclass
class _User:
    """Somebody who plays one order after the other, on connections of their own."""

    wires: dict[str, Wire] = field(default_factory=dict)
    orders: deque[TargetPerformance] = field(default_factory=deque)


async def played(
    clients: TargetClients, script: TargetScript, pressure: Pressure, pace: AttemptsCome
) -> PlayedOrders:
    """Play orders at a pace, as many at a time as the file allows; a few are played before.

    Raises ``PaidonceError`` where an order cannot be prepared, or the service is gone.
    """
    try:
        if clients.takes_back:
            return await _one_by_one(clients, script, pressure, pace)
        await _crowd(clients, script, pressure, pace, orders=pressure.users)
        return await _crowd(clients, script, pressure, pace, orders=pressure.orders)
    except NoAnswer as error:
        raise PaidonceError(f"the service does not answer under load: {error}") from None


async def _one_by_one(
    clients: TargetClients, script: TargetScript, pressure: Pressure, pace: AttemptsCome
) -> PlayedOrders:
    """Play one order after the other; what is done before each does not count."""
    took: list[float] = []
    spent, paid, orders = 0.0, 0, 0
    until = time.monotonic() + pressure.seconds
    while orders < pressure.orders and time.monotonic() < until:
        performance = await clients.begin(script, AnswerTimes(took))
        began = time.monotonic()
        await _play(performance, script, pace)
        spent += time.monotonic() - began
        orders += 1
        paid += _paid(performance, script)
        await clients.settle()
    return _told(orders, paid, spent, took)


async def _crowd(
    clients: TargetClients,
    script: TargetScript,
    pressure: Pressure,
    pace: AttemptsCome,
    *,
    orders: int,
) -> PlayedOrders:
    users = [_User() for _ in range(min(pressure.users, orders))]
    took: list[float] = []
    try:
        until = time.monotonic() + pressure.seconds
        shares = [len(range(n, orders, len(users))) for n in range(len(users))]
        await asyncio.gather(
            *(
                _prepare(clients, script, user, share, took, until)
                for user, share in zip(users, shares, strict=True)
            )
        )
        began = time.monotonic()
        async with asyncio.timeout(pressure.seconds + LONGEST_REST_S):
            counts = await asyncio.gather(
                *(_go_on(script, user, pace, began + pressure.seconds) for user in users)
            )
        spent = time.monotonic() - began
    except TimeoutError:
        longest = f"{LONGEST_REST_S:g} s"
        raise PaidonceError(
            f"orders were still under way {longest} after the time was up"
        ) from None
    finally:
        await asyncio.gather(*(wire.close() for user in users for wire in user.wires.values()))
    return _told(sum(done for done, _ in counts), sum(paid for _, paid in counts), spent, took)


async def _prepare(
    clients: TargetClients,
    script: TargetScript,
    user: _User,
    orders: int,
    took: list[float],
    until: float,
) -> None:
    while len(user.orders) < orders and (not user.orders or time.monotonic() < until):
        user.orders.append(await clients.beside(script, AnswerTimes(took), user.wires))


async def _go_on(
    script: TargetScript, user: _User, pace: AttemptsCome, until: float
) -> tuple[int, int]:
    """Play a user's orders until the time is up; returns how many, and how many were paid."""
    done = paid = 0
    while user.orders and time.monotonic() < until:
        performance = user.orders.popleft()
        await _play(performance, script, pace)
        done += 1
        paid += _paid(performance, script)
    return done, paid


async def _play(performance: TargetPerformance, script: TargetScript, pace: AttemptsCome) -> None:
    if pace is AttemptsCome.IN_TURN:
        await in_turn(performance, script)
        return
    real_time = RealTime([attempt.name for attempt in script.clients])
    await performance.join(real_time)
    await real_time.play(performance)


def _paid(performance: TargetPerformance, script: TargetScript) -> bool:
    counted = script.rules().counted
    return any(
        progression.through
        for name, progression in performance.progressions.items()
        if name in counted
    )


def _told(orders: int, paid: int, seconds: float, took: Sequence[float]) -> PlayedOrders:
    ordered = sorted(took) or [0.0]
    return PlayedOrders(
        orders=orders,
        paid=paid,
        seconds=seconds,
        median_ms=ordered[len(ordered) // 2],
        p99_ms=ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)],
    )
