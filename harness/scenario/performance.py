"""The clients of a scenario: actors who speak of orders, payments and cancellations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.history import Header, Outcome, Recorder
from paidonce.harness.http.client import Wire
from paidonce.harness.scenario.client import Actor, Cast, OrderContext
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.play import create_order, header_of
from paidonce.harness.service.description import fill
from paidonce.harness.service.script import NotAtRest, NotReady, Over, Script, Surroundings
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.final_state import at_rest, observe

REST_DEADLINE_S = 20.0
_RESET = "the target's reset"


@dataclass
class ScenarioPerformance:
    """One execution of a scenario on a bench."""

    scenario: Scenario
    cast: Cast
    contexts: Sequence[OrderContext]
    wires: dict[str, Wire]
    actors: dict[str, Actor] = field(default_factory=dict)

    @property
    def known(self) -> Mapping[str, str]:
        """The orders, and the intents that their preparation made."""
        known = {}
        for number, context in enumerate(self.contexts, start=1):
            known[context.order] = f"order {number}"
            if context.payment_id is not None:
                known[context.payment_id] = f"intent of order {number}"
        return known

    @property
    def left(self) -> None:
        """An answer says that all is done."""
        return None

    async def join(self, surroundings: Surroundings) -> None:
        for attempt in self.scenario.attempts:
            wire = self.wires.setdefault(attempt.name, Wire(self.cast.bench.service_url))
            context = self.contexts[attempt.order]
            actor = Actor(self.cast, attempt.name, context, surroundings, wire)
            self.actors[attempt.name] = actor
            await actor.warm()

    async def may_begin(self, attempt: str) -> bool:
        """Nothing that a scenario begins with has yet to come into being."""
        return True

    async def play(self, attempt: str) -> None:
        steps = next(a.steps for a in self.scenario.attempts if a.name == attempt)
        for step in steps:
            completed = await self.actors[attempt].step(step)
            if completed.outcome is not Outcome.OK:
                break

    async def look(self, over: Over) -> None:
        over()
        bench, journal = self.cast.bench, self.cast.journal
        orders = [context.order for context in self.contexts]
        seen = await at_rest(bench, journal, orders, REST_DEADLINE_S)
        if seen is None:
            raise NotAtRest(f"an order was still being worked on after {REST_DEADLINE_S:g} s")
        if self.scenario.afterwards:
            over(asked=True)
        for context in self.contexts:
            for step in self.scenario.afterwards:
                actor = Actor(self.cast, "afterwards", context, None)
                await actor.step(step)
                await actor.close()
        over(stripe=True)
        if self.scenario.afterwards:
            seen = None
        for event in await observe(bench, journal, orders, seen):
            journal.record(event)


@dataclass
class ScenarioClients:
    """``Clients`` (see ``paidonce.harness.service.script``) of scenarios on one bench."""

    bench: Bench
    on_prepare: Callable[[], None] | None = None
    put_back: bool = False
    _contexts: list[OrderContext] = field(default_factory=list)
    _wires: dict[str, Wire] = field(default_factory=dict)

    def header(self, script: Script, run: str, seed: int = 0) -> Header:
        """The header of a history of the scenario."""
        return header_of(_scenario(script), self.bench, run, seed)

    async def begin(self, script: Script, journal: Recorder) -> ScenarioPerformance:
        """Orders unpaid, or as the scenario's ``prepare`` leaves them."""
        scenario = _scenario(script)
        contexts = await self._orders(scenario, journal)
        cast = Cast(bench=self.bench, journal=journal, run_id="x")
        if self.on_prepare is not None:
            self.on_prepare()
        await _prepare(scenario, cast, contexts)
        return ScenarioPerformance(scenario, cast, contexts, self._wires)

    async def settle(self) -> None:
        """An execution of a scenario ends with its orders at rest."""

    async def mark(self) -> None:
        """The scenario's own reset takes everything back."""

    async def close(self) -> None:
        for wire in self._wires.values():
            await wire.close()

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
                context.payment_id = None
                journal.record(context.created(journal.now()))
        else:
            self._contexts = [
                await create_order(scenario, self.bench, journal) for _ in range(scenario.orders)
            ]
        return self._contexts


async def _prepare(scenario: Scenario, cast: Cast, contexts: list[OrderContext]) -> None:
    for context in contexts:
        actor = Actor(cast, "preparation", context, None)
        for step in scenario.prepare:
            completed = await actor.step(step)
            if completed.outcome is not Outcome.OK:
                raise NotReady(
                    f"the preparation {step.action.value} was answered "
                    f"{completed.status or completed.error} {completed.code or ''}".rstrip()
                )
        await actor.close()


def _scenario(script: Script) -> Scenario:
    assert isinstance(script, Scenario), "a described target plays scenarios"
    return script
