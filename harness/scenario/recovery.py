"""Recovery of a scenario: its clients ask again under their keys, and the service sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from paidonce.harness.history import Action, Completed, Outcome
from paidonce.harness.models.order_state import PAYMENT_IN_PROGRESS
from paidonce.harness.scenario.client import CLIENT_TIMEOUT_S, Actor, Cast, OrderContext
from paidonce.harness.scenario.model import Attempt, Scenario
from paidonce.harness.service.description import Sweep, fill, sweep_request
from paidonce.harness.service.recovery import Progression, RecoveryBounds
from paidonce.harness.taps.faults import TimePasses
from paidonce.harness.testbed.final_state import observe, resting
from paidonce.harness.testbed.outside import Outside
from paidonce.harness.testbed.still import settle
from paidonce.harness.testbed.sweeping import sweep_by


def come_later(completed: Completed) -> bool:
    """Return whether an answer says that the first request is still being served."""
    return completed.code == PAYMENT_IN_PROGRESS


@dataclass(frozen=True)
class ScenarioRecovery:
    """``Recovery`` (see ``paidonce.harness.service.recovery``) of one execution of a scenario."""

    scenario: Scenario
    cast: Cast
    contexts: Sequence[OrderContext]
    actors: Mapping[str, Actor]
    progressions: Mapping[str, Progression]

    @property
    def bounds(self) -> RecoveryBounds:
        return self.scenario.recovery

    async def ask_again(self) -> None:
        for attempt in self.scenario.attempts:
            progression = self.progressions.get(attempt.name, Progression(through=True))
            if (progression.asks and self.bounds.asks) or progression.undelivered:
                await self._resume(attempt, progression)

    async def _resume(self, attempt: Attempt, progression: Progression) -> None:
        actor = self.actors[attempt.name]
        progression.asked = True
        done = await actor.again()
        progression.told(done, later=come_later(done))
        while done.outcome is Outcome.OK:
            if progression.step == len(attempt.steps):
                progression.through = True
                return
            step = attempt.steps[progression.step]
            progression.at(progression.step + 1, delivers=step.action is Action.WEBHOOK)
            done = await actor.alone(step)
            progression.told(done, later=come_later(done))

    async def sweep(self) -> None:
        bench = self.cast.bench
        if bench.advance is not None or bench.redis is not None:
            await Outside(bench).happen(TimePasses(self.bounds.passes_s), self.cast.journal)
        sweeps = self.scenario.sweeps
        for sweep in bench.target.recover:
            if sweeps is None or sweep.name in sweeps:
                await self._sweep(sweep)

    async def _sweep(self, sweep: Sweep) -> None:
        bench, journal = self.cast.bench, self.cast.journal
        where = f"target {bench.target.name}, recover, {sweep.name}"
        if sweep.sql:
            filled = [fill(statement, {}, where) for statement in sweep.sql]
            await bench.eyes.execute(";".join(filled).encode())
        if sweep.route is None:
            return
        await sweep_by(
            bench,
            journal,
            next(self.cast.ops),
            sweep_request(bench.target, sweep.route),
            name=sweep.name,
            where=where,
            within_s=CLIENT_TIMEOUT_S,
        )

    async def settle(self) -> None:
        bench, journal = self.cast.bench, self.cast.journal
        orders = [context.order for context in self.contexts]

        async def through() -> bool:
            # Under control nothing moves the service but what comes from outside.
            return bench.controlled or await resting(bench, journal, orders)

        await settle(bench, self.bounds.within_s, through)

    async def state(self) -> Mapping[str, object]:
        orders = [context.order for context in self.contexts]
        found: dict[str, object] = {
            f"the answer to {name}": progression.seen
            for name, progression in self.progressions.items()
        }
        for event in await observe(self.cast.bench, self.cast.journal, orders):
            kind = type(event).__struct_config__.tag
            name = msgspec.structs.asdict(event).get("id", "")
            found[f"{kind} {name or 'of ' + str(getattr(event, 'order', ''))}"] = (
                msgspec.structs.replace(event, t=0)
            )
        return found

    @property
    def owed(self) -> Sequence[str]:
        if not self.bounds.asks:
            return ()
        return [name for name, progression in self.progressions.items() if progression.owed]

    @property
    def undelivered(self) -> Sequence[str]:
        return [name for name, progression in self.progressions.items() if progression.undelivered]
