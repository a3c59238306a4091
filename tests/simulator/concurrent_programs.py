"""Concurrent programs against a simulation, in virtual time, and what must hold after each.

A program is a number of clients, each with requests to make one after the other. They run on an
event loop whose time passes only when nothing else can happen, so a program and a seed always
give the same interleaving, and thousands of them take seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from what_holds import ARROWS

from paidonce.harness.simulator.api import pipeline as api
from paidonce.harness.simulator.domain import confirming
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.objects import PaymentIntent
from paidonce.harness.simulator.engine.faults import Rule
from paidonce.harness.simulator.engine.idempotency import WhenBusy
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.forms import encode
from paidonce.harness.simulator.wire.latency import Latency, Uniform
from paidonce.harness.simulator.wire.messages import ApiRequest, Reply

START = 1_800_000_000.0
LATENCY = Latency(
    before=Uniform(low_ms=0, high_ms=4),
    held=Uniform(low_ms=0, high_ms=4),
    after=Uniform(low_ms=0, high_ms=4),
)

Start = Literal["automatic", "manual", "paid"]


@dataclass(frozen=True)
class Op:
    """One request. ``intent`` is the number of an intent that was there at the start."""

    what: Literal["create", "confirm", "capture", "cancel", "refund", "update", "authenticate"]
    intent: int = 0
    params: tuple[tuple[str, str], ...] = ()
    key: str | None = None


@dataclass(frozen=True)
class Program:
    """What each client does; ``starts`` says how each intent is at the start."""

    clients: tuple[tuple[Op, ...], ...]
    starts: tuple[Start, ...] = ("automatic", "automatic")
    seed: int = 0
    when_busy: WhenBusy = WhenBusy.CONFLICT
    lock_wait_ms: float = 5.0
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Answered:
    """A request that was made, and its answer."""

    op: Op
    path: str
    reply: Reply


class _NoInput(selectors.SelectSelector):
    """Nothing is ever read; waiting makes the virtual time pass instead."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("everything waits for something that will not happen")
        self.passed += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    def __init__(self) -> None:
        self._virtual = _NoInput()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed if hasattr(self, "_virtual") else 0.0


class Execution:
    """One execution of a program, with what was seen on the way."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.answers: list[Answered] = []
        self.transitions: list[tuple[PaymentIntent, PaymentIntent]] = []
        self.loop = VirtualLoop()
        self.simulation = Simulation(
            SimulatorSettings(
                seed=program.seed,
                latency=LATENCY,
                when_busy=program.when_busy,
                lock_wait_ms=program.lock_wait_ms,
                settle_seconds=0.01,
            ),
            clock=lambda: START + self.loop.time(),
        )
        self._watch()
        try:
            self.loop.run_until_complete(self._run())
        finally:
            self.loop.close()

    def _watch(self) -> None:
        intents = self.simulation.epoch.world.intents
        put = intents.put

        def watched(intent: PaymentIntent) -> None:
            before = intents.get(intent.id)
            if before is not None:
                self.transitions.append((before, intent))
            put(intent)

        intents.put = watched  # type: ignore[method-assign]

    async def _run(self) -> None:
        self.intents = []
        for start in self.program.starts:
            form = {**_NEW, **_STARTS[start]}
            reply = await self._send("/v1/payment_intents", form, None)
            self.intents.append(msgspec.json.decode(reply.body)["id"])
        self.simulation.set_faults(self.program.rules)
        async with asyncio.TaskGroup() as group:
            for client in self.program.clients:
                group.create_task(self._client(client))
        self.simulation.advance(60)
        self.simulation.stop()

    async def _client(self, ops: Sequence[Op]) -> None:
        for op in ops:
            intent = self.intents[op.intent % len(self.intents)]
            if op.what == "authenticate":
                with contextlib.suppress(StripeError):
                    succeeded = ("outcome", "fail") not in op.params
                    confirming.authenticate(self.simulation.epoch.world, intent, succeeded)
                continue
            form = dict(op.params)
            if op.what == "create":
                path, form = "/v1/payment_intents", {**_NEW, **form}
            elif op.what == "refund":
                path, form = "/v1/refunds", {"payment_intent": intent, **form}
            elif op.what == "update":
                path = f"/v1/payment_intents/{intent}"
            else:
                path = f"/v1/payment_intents/{intent}/{op.what}"
            reply = await self._send(path, form, op.key)
            self.answers.append(Answered(op, path, reply))

    async def _send(self, path: str, form: Mapping[str, str], key: str | None) -> Reply:
        headers = {"authorization": "Bearer sk_test_a"}
        if key is not None:
            headers["idempotency-key"] = key
        reply = api.answer(self.simulation, ApiRequest("POST", path, b"", headers, encode(form)))
        return reply if isinstance(reply, Reply) else await reply


_NEW = {"amount": "1000", "currency": "usd"}
_STARTS: dict[Start, dict[str, str]] = {
    "automatic": {},
    "manual": {"capture_method": "manual"},
    "paid": {"confirm": "true", "payment_method": "pm_card_visa"},
}


def money_is_conserved(run: Execution) -> None:
    world = run.simulation.epoch.world
    for intent in world.intents:
        charges = [world.charges[one] for one in world.charges_of[intent.id]]
        live = [charge for charge in charges if charge.status != "failed"]
        assert len(live) <= 1, f"{intent.id} has {len(live)} charges that did not fail"
        taken = sum(charge.amount_captured for charge in charges)
        assert taken == intent.amount_received <= intent.amount
        assert (taken > 0) == (intent.status == "succeeded")
        for charge in charges:
            refunds = [world.refunds[one] for one in world.refunds_of[charge.id]]
            given = sum(refund.amount for refund in refunds)
            assert given == charge.amount_refunded <= charge.amount_captured
    booked = sum(entry.amount for entry in world.balance_transactions)
    assert booked == sum(c.amount_captured - c.amount_refunded for c in world.charges)


def one_key_has_one_effect(run: Execution) -> None:
    executed = Counter(
        entry.idempotency_key
        for entry in run.simulation.log
        if entry.idempotency_key is not None and entry.executed is not None
    )
    # An injected error that is not stored frees the key, on purpose: no such rule is used here.
    assert all(count == 1 for count in executed.values()), f"executed {executed}"
    causes = defaultdict(set)
    for event in run.simulation.epoch.world.events:
        if event.request.idempotency_key is not None:
            causes[event.request.idempotency_key].add(event.request.id)
    assert all(len(requests) == 1 for requests in causes.values())
    bodies = defaultdict(set)
    for one in run.answers:
        # What a fault dropped before it was executed had no body to begin with.
        if one.op.key is not None and one.reply.status in (200, 402, 500) and one.reply.body:
            bodies[one.op.key].add((one.path, one.reply.body))
    assert all(len(found) == 1 for found in bodies.values()), "one key, two answers"


def no_illegal_state(run: Execution) -> None:
    for before, after in run.transitions:
        moved = before.status != after.status
        assert not moved or after.status in ARROWS["intents"].get(before.status, ()), (
            f"{before.status} became {after.status}"
        )
        if before.status in ("succeeded", "canceled"):
            assert msgspec.structs.replace(after, metadata=before.metadata) == before
        if before.status in ("processing", "requires_capture"):
            assert after.amount == before.amount


def nothing_is_left_over(run: Execution) -> None:
    simulation = run.simulation
    assert simulation.in_flight == 0
    assert not any(simulation.epoch.locks.held(intent) for intent in run.intents)
    assert all(record.answer is not None for record in simulation.epoch.keys)
    asked = {one.reply.status for one in run.answers if one.reply.delivery is None}
    assert asked <= {200, 400, 402, 409, 429, 500}


INVARIANTS: tuple[Callable[[Execution], None], ...] = (
    money_is_conserved,
    one_key_has_one_effect,
    no_illegal_state,
    nothing_is_left_over,
)


def check(program: Program) -> Execution:
    """Execute a program and judge it."""
    run = Execution(program)
    for invariant in INVARIANTS:
        invariant(run)
    return run
