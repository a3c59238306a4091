"""One execution of a scenario: its clients speak of orders, payments and cancellations."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action, Header, OrderObserved, Outcome, Recorder
from paidonce.harness.http.client import NoAnswer, Wire
from paidonce.harness.scenario.client import Actor, Cast, OrderContext
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.recovery import ScenarioRecovery, come_later
from paidonce.harness.service.description import creation_request, fill
from paidonce.harness.service.passing import Passing
from paidonce.harness.service.recovery import Progression
from paidonce.harness.service.responses import UnexpectedAnswer, order_id
from paidonce.harness.service.script import (
    NotAtRest,
    NotReady,
    Over,
    Released,
    Script,
    Surroundings,
)
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.final_state import at_rest, observe
from paidonce.harness.testbed.passing import Clockwork, Prepared

REST_DEADLINE_S = 30.0
_RESET = "the target's reset"


@dataclass
class ScenarioPerformance:
    """One execution of a scenario on a bench."""

    scenario: Scenario
    cast: Cast
    contexts: Sequence[OrderContext]
    wires: dict[str, Wire]
    clockwork: Clockwork
    actors: dict[str, Actor] = field(default_factory=dict)
    progressions: dict[str, Progression] = field(default_factory=dict)
    """How far its attempts have come."""
    stayed: frozenset[str] = frozenset()
    _seen: list[OrderObserved] | None = None
    """The orders as they were when all was at rest."""

    @property
    def known(self) -> Mapping[str, str]:
        """The orders, and the intents that their preparation made."""
        known = {}
        for number, context in enumerate(self.contexts, start=1):
            known[context.order] = f"order {number}"
            if context.payment_id is not None:
                known[context.payment_id] = f"intent of order {number}"
            if context.checkout_id is not None:
                known[context.checkout_id] = f"session of order {number}"
        return known

    @property
    def left(self) -> None:
        """An answer says that all is done."""
        return None

    async def join(self, surroundings: Surroundings) -> None:
        for attempt in self.scenario.attempts:
            if attempt.passing is not None:
                runs, asks = bool(attempt.passing.sql), bool(attempt.passing.left)
                await self.clockwork.join(attempt.name, runs=runs, as_time_does=asks)
                continue
            wire = self.wires.setdefault(attempt.name, Wire(self.cast.bench.service_url))
            context = self.contexts[attempt.order]
            actor = Actor(self.cast, attempt.name, context, surroundings, wire)
            self.actors[attempt.name] = actor
            await actor.warm()

    async def may_begin(self, attempt: str) -> bool:
        """An event of Stripe's own has to be raised before it is delivered."""
        actor = self.actors.get(attempt)
        steps = next(one.steps for one in self.scenario.attempts if one.name == attempt)
        return actor is None or await actor.may_begin(steps[0])

    async def play(self, attempt: str, released: Released | None = None) -> None:
        played = next(a for a in self.scenario.attempts if a.name == attempt)
        if played.passing is not None:
            await self._passes(attempt, played.passing)
            return
        actor = self.actors[attempt]
        steps = played.steps
        progression = self.progressions.setdefault(attempt, Progression())
        try:
            prepared = None
            if released is not None:
                prepared = await actor.prepare(steps[0])
                await released()
            for number, step in enumerate(steps, start=1):
                progression.at(number, delivers=step.action is Action.WEBHOOK)
                completed = await actor.step(step, prepared)
                progression.told(completed, later=come_later(completed))
                prepared = None
                if completed.outcome is not Outcome.OK:
                    return
            progression.through = True
        finally:
            actor.through()

    async def _passes(self, attempt: str, passing: Passing) -> None:
        statements: list[Prepared] = [(statement, {}) for statement in passing.sql]
        where = f"scenario {self.scenario.name}, {attempt}"
        journal = self.cast.journal
        self.stayed |= await self.clockwork.passes(
            attempt,
            passing.seconds,
            statements,
            journal,
            where,
            passing.left,
            at_stripe=passing.at_stripe,
            indexes=passing.indexes,
        )

    async def let_go(self, attempt: str) -> None:
        passing = next(a.passing for a in self.scenario.attempts if a.name == attempt)
        if passing is not None and passing.left:
            await self.clockwork.let_go()

    @property
    def recovery(self) -> ScenarioRecovery:
        return ScenarioRecovery(
            self.scenario, self.cast, self.contexts, self.actors, self.progressions
        )

    async def rest(self, over: Over) -> None:
        over()  # to look at an order is to ask the service for it
        orders = [context.order for context in self.contexts]
        seen = await at_rest(self.cast.bench, self.cast.journal, orders, REST_DEADLINE_S)
        self._seen = seen
        if seen is None:
            raise NotAtRest(
                f"not at rest after {REST_DEADLINE_S:g} s: an order is still being worked on"
            )

    @property
    def asks_again(self) -> bool:
        return bool(self.scenario.afterwards)

    async def ask_again(self) -> None:
        for context in self.contexts:
            actor = Actor(self.cast, "afterwards", context, None)
            try:
                for step in self.scenario.afterwards:
                    await actor.step(step)
            finally:
                await actor.close()

    async def look(self) -> None:
        orders = [context.order for context in self.contexts]
        journal = self.cast.journal
        for event in await observe(self.cast.bench, journal, orders, self._seen):
            journal.record(event)

    async def look_between(self, step: int) -> None:
        """Nothing of a story is watched."""


@dataclass
class ScenarioClients:
    """``Clients`` (see ``paidonce.harness.service.script``) of scenarios on one bench."""

    bench: Bench
    on_prepare: Callable[[], None] | None = None
    put_back: bool = False
    run: str = "x"
    """The beginning of idempotency keys: the same in all executions whose steps are compared."""
    _late: set[asyncio.Task[None]] = field(default_factory=set)
    _contexts: list[OrderContext] = field(default_factory=list)
    _wires: dict[str, Wire] = field(default_factory=dict)
    _clockwork: Clockwork = field(init=False)

    def __post_init__(self) -> None:
        self._clockwork = Clockwork(self.bench)

    def header(self, script: Script, run: str, seed: int = 0) -> Header:
        """The header of a history of the scenario."""
        return _header(_scenario(script), self.bench, run, seed)

    async def begin(self, script: Script, journal: Recorder) -> ScenarioPerformance:
        """Orders unpaid, or as the scenario's ``prepare`` leaves them."""
        scenario = _scenario(script)
        contexts = await self._orders(scenario, journal)
        cast = Cast(bench=self.bench, journal=journal, run_id=self.run, late=self._late)
        if self.on_prepare is not None:
            self.on_prepare()
        await _prepare(scenario, cast, contexts)
        return ScenarioPerformance(scenario, cast, contexts, self._wires, self._clockwork)

    async def settle(self) -> None:
        """An execution of a scenario ends with its orders at rest."""

    async def mark(self) -> None:
        """The scenario's own reset takes everything back."""

    async def close(self) -> None:
        """Close their connections, and listen no longer for answers that never came."""
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        for wire in self._wires.values():
            await wire.close()
        await self._clockwork.close()

    async def _orders(self, scenario: Scenario, journal: Recorder) -> list[OrderContext]:
        bench, anew = self.bench, bool(self.bench.target.reset and self._contexts)
        emptied: list[Awaitable[Any]] = []
        if bench.reset is not None:
            emptied.append(bench.reset())
        if bench.redis is not None:
            emptied.append(bench.empty_redis())
        if anew:
            values = {"amount": str(scenario.amount)}
            filled = [fill(statement, values, _RESET) for statement in bench.target.reset]
            # Several statements in one message are one transaction (manual, section 55.2.2.1).
            emptied.append(bench.eyes.execute(";".join(filled).encode()))
        await asyncio.gather(*emptied)
        if anew:
            for context in self._contexts:
                context.payment_id = context.checkout_id = None
                journal.record(context.created(journal.now()))
        else:
            self._contexts = [
                await _create_order(scenario, self.bench, journal) for _ in range(scenario.orders)
            ]
        return self._contexts


async def _prepare(scenario: Scenario, cast: Cast, contexts: list[OrderContext]) -> None:
    for context in contexts:
        actor = Actor(cast, "preparation", context, None)
        try:
            for step in scenario.prepare:
                completed = await actor.step(step)
                if completed.outcome is not Outcome.OK:
                    raise NotReady(
                        f"the preparation {step.action.value} was answered "
                        f"{completed.status or completed.error} {completed.code or ''}".rstrip()
                    )
        finally:
            await actor.close()


def _scenario(script: Script) -> Scenario:
    assert isinstance(script, Scenario), "a described target plays scenarios"
    return script


def _header(scenario: Scenario, bench: Bench, run_id: str, seed: int) -> Header:
    """The header of a history of ``scenario`` on ``bench``."""
    capabilities = bench.capabilities | {Capability.STRIPE_CALLS, Capability.ORDER_STATE}
    return Header(
        run=run_id,
        scenario=scenario.name,
        target=bench.target.name,
        variant=bench.variant,
        backends=bench.backends,
        capabilities=tuple(sorted(capabilities)),
        checkers=scenario.checkers,
        seed=seed,
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        settings=dict(scenario.settings),
    )


async def _create_order(scenario: Scenario, bench: Bench, journal: Recorder) -> OrderContext:
    """A new unpaid order, recorded. Raises ``UnexpectedAnswer``."""
    wire = Wire(bench.service_url)
    try:
        await wire.send(creation_request(bench.target, scenario.amount, scenario.currency))
        answer = await wire.receive()
    except NoAnswer as error:
        raise UnexpectedAnswer(
            f"the service did not answer the creation of an order: {error}"
        ) from error
    finally:
        await wire.close()
    if not 200 <= answer.status < 300:
        raise UnexpectedAnswer(
            f"the service answered {answer.status} to the creation of an order, expected 201: "
            f"{answer.body[:200].decode('utf-8', 'replace')}"
        )
    order = order_id(bench.target, answer.body)
    context = OrderContext(order=order, amount=scenario.amount, currency=scenario.currency)
    journal.record(context.created(journal.now()))
    return context
