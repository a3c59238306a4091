"""Our own exploration, measured; and what it learns of the SQL for those who cannot learn it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from explorers.measured import Clock, Sample, quiet_collector
from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.outcome import judge_outcome
from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Budget, DepthFirst, search
from paidonce.harness.explore.search.world import Pending, Taken
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.explore.witness.export import statements_of
from paidonce.harness.explore.witness.file import Witness, steps_of
from paidonce.harness.explore.witness.narrative import Narrative, narrate
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.performance import ScenarioPerformance
from paidonce.harness.service.description import fill
from paidonce.harness.verdict import Status


async def once(
    worlds: list[ServiceWorlds],
    scenario: Scenario,
    guard: str,
    way: str,
    most: int,
    elsewhere: Elsewhere | None = None,
    *,
    validated: bool = False,
) -> Sample:
    """One search, which goes on after a counterexample, to its end or to ``most`` schedules.

    Lanes ``elsewhere`` take part. What a complete one relied on is tried if it is to be
    ``validated``. All executions are counted that were made here, also those that tell whether a
    service still does what it did once it was warm.
    """
    request = SearchRequest(
        scenario=scenario,
        variant=guard,
        search=way,
        lanes=len(worlds),
        stop_at_first=False,
        budget=Budget(schedules=most),
        validation=Validation() if validated else None,
    )
    with quiet_collector():
        before = _warming(worlds)
        clock = Clock()
        explored = await explore(worlds, request, elsewhere=elsewhere)
        result = explored.result
        whole = not result.reason
        tries = 0 if result.grounds is None else result.grounds.executions
        made = result.counts.executions + tries + _warming(worlds) - before
        sample = clock.sample(made, result.seconds, whole=whole)
    if result.counts.invalid:
        raise PaidonceError(f"{guard}, {way}: executions were invalid: {result.invalid[0]}")
    return sample


def _warming(worlds: list[ServiceWorlds]) -> int:
    return sum(each.warmth.executions for each in worlds)


@dataclass(frozen=True)
class Permutations:
    """What sessions run, and the orders in which they can.

    ``steps`` are (session, SQL) by name, ``orders`` those names in orders that never let a
    session run that waits for another. ``order`` is the id of the order they are about.
    ``interleavings`` is how many executions the full search has they are taken from: calls to
    Stripe, and the beginnings of requests, are choices in it as well.
    """

    interleavings: int
    order: str
    sessions: tuple[str, ...]
    steps: dict[str, tuple[str, str]]
    orders: tuple[tuple[str, ...], ...]

    def about(self, order: str) -> Permutations:
        """The same about another order."""
        steps = {
            name: (session, sql.replace(self.order, order))
            for name, (session, sql) in self.steps.items()
        }
        return replace(self, order=order, steps=steps)


def reset_of(worlds: ServiceWorlds) -> list[str]:
    """The SQL that takes the database back to where every execution begins."""
    assert isinstance(worlds.scenario, Scenario)
    values = {"amount": str(worlds.scenario.amount)}
    return [fill(one, values, "reset") for one in worlds.bench.target.reset]


def order_of(worlds: ServiceWorlds) -> str:
    """The id of the order that the service's database holds by now."""
    assert worlds.last is not None, "nothing was executed yet"
    performance = worlds.last.performance
    assert isinstance(performance, ScenarioPerformance)
    return performance.contexts[0].order


async def permutations(worlds: list[ServiceWorlds], scenario: Scenario, guard: str) -> Permutations:
    """The SQL of a full search of ours, which goes to its end.

    What is local to a connection (BEGIN) belongs to the step before, so that there are as many
    choices as a search of ours has. Orders that differ in calls to Stripe alone are one.
    """
    actors = tuple(attempt.name for attempt in scenario.attempts)
    seen = _Seen(actors)
    result = await search(
        [_Recording(one, seen) for one in worlds], judge_outcome, DepthFirst(), stop_at_first=False
    )
    if result.reason or result.counts.pruned:
        raise PaidonceError(f"{guard}: the full search did not come to its end: {result.reason}")
    return Permutations(
        result.counts.explored, seen.order, actors, seen.steps, tuple(sorted(seen.orders))
    )


def _parts(narrative: Narrative) -> list[tuple[str, int, str, str]]:
    """For each moment with SQL: whose, the how many-th of theirs, its label, and the SQL."""
    found: list[tuple[str, int, str, str]] = []
    counts: dict[str, int] = {}
    for moment in narrative.moments:
        texts = statements_of(msgspec.structs.replace(narrative, moments=(moment,)))
        if texts:
            actor = moment.step.actor
            counts[actor] = counts.get(actor, 0) + 1
            sql = "; ".join(text.strip().rstrip("; ") for text in texts)
            label = f"{moment.step.label}: {sql if moment.step.label == 'start' else ''}"
            found.append((actor, counts[actor], label, sql))
    return found


@dataclass
class _Seen:
    """The SQL of all executions; that of every lane is told as if of the first one's order."""

    actors: tuple[str, ...]
    order: str = ""
    steps: dict[str, tuple[str, str]] = field(default_factory=dict)
    orders: set[tuple[str, ...]] = field(default_factory=set)
    _names: dict[tuple[str, int, str], str] = field(default_factory=dict)

    def add(self, narrative: Narrative, about: str) -> None:
        self.order = self.order or about
        order = []
        for actor, number, label, sql in _parts(narrative):
            label, sql = label.replace(about, self.order), sql.replace(about, self.order)
            name = self._names.setdefault(
                (actor, number, label), f"s{self.actors.index(actor) + 1}_{len(self._names) + 1}"
            )
            self.steps.setdefault(name, (actor, sql))
            order.append(name)
        self.orders.add(tuple(order))


@dataclass
class _Recording:
    """``Worlds`` that keep the SQL of what was executed."""

    worlds: ServiceWorlds
    seen: _Seen

    async def fresh(self) -> _RecordedWorld:
        return _RecordedWorld(await self.worlds.fresh(), self)

    def made(self, taken: Sequence[Taken], world: ServiceWorld) -> None:
        assert world.judged is not None
        witness = Witness(
            target="",
            variant="",
            scenario="",
            attempts=self.seen.actors,
            status=Status.VALID,
            broken=(),
            steps=steps_of(tuple(taken)),
        )
        self.seen.add(narrate(witness, world.judged.history), order_of(self.worlds))


class _RecordedWorld:
    def __init__(self, world: ServiceWorld, recording: _Recording) -> None:
        self._world = world
        self._recording = recording
        self._taken: list[Taken] = []

    def pending(self) -> tuple[Pending, ...]:
        return self._world.pending()

    async def step(self, actor: str) -> Taken:
        taken = await self._world.step(actor)
        self._taken.append(taken)
        return taken

    async def finish(self) -> Hashable:
        came = await self._world.finish()
        self._recording.made(self._taken, self._world)
        return came

    async def close(self) -> None:
        await self._world.close()
