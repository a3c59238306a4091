"""Measures a target's service in all ways to run it, in turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paidonce.harness.errors import PaidonceError
from paidonce.harness.load.observe.stripe_latency import stripe_latency
from paidonce.harness.results.fix_costs import AttemptsCome, Way, WayRun
from paidonce.harness.results.proof import Run
from paidonce.harness.results.words import count
from paidonce.harness.taps.changes import Change, Migrated
from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.targets.check.bursts import burst, crowd
from paidonce.harness.targets.load.playing import Pressure, played
from paidonce.harness.targets.load.ways import WayToRun
from paidonce.harness.targets.run.clients import TargetClients
from paidonce.harness.targets.run.script import TargetScript
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.openers import reading_postgres
from paidonce.harness.testbed.stack import Lane, Stack
from paidonce.harness.verdict import Status


@dataclass
class FixLoad:
    """The measurements so far of ``ways``; histories of bursts go below ``folder``."""

    stack: Stack
    lane: Lane
    script: TargetScript
    variant: str
    ways: Sequence[WayToRun]
    pressure: Pressure
    folder: Path
    doing: Callable[[str], None] = lambda text: None
    backends: dict[str, str] = field(default_factory=dict)
    one_by_one: bool = False
    _runs: dict[str, list[WayRun]] = field(default_factory=dict)
    _failed: dict[str, str] = field(default_factory=dict)

    async def measure(self, rounds: int) -> None:
        """Measure all ways so often, taking turns, each round beginning with another one.

        What cannot be measured is told by ``told``, and not tried again.
        """
        for number in range(1, rounds + 1):
            first = (number - 1) % len(self.ways)
            for way in (*self.ways[first:], *self.ways[:first]):
                if way.name in self._failed:
                    continue
                self.doing(f"{way.name} ({number} of {rounds})" if rounds > 1 else way.name)
                try:
                    run = await self._measured(way, number)
                except PaidonceError as error:
                    self._failed[way.name] = str(error)
                else:
                    self._runs.setdefault(way.name, []).append(run)

    def told(self) -> tuple[Way, ...]:
        """Return all that was measured."""
        return tuple(
            Way(
                name=way.name,
                closes=way.closes,
                changes=tuple(change.words for change in way.changes),
                runs=tuple(self._runs.get(way.name, ())),
                failed=self._failed.get(way.name, ""),
            )
            for way in self.ways
        )

    async def _measured(self, way: WayToRun, number: int) -> WayRun:
        place = self.folder / way.name.replace(" ", "-").replace(",", "").lower() / f"{number}"
        place.mkdir(parents=True, exist_ok=True)
        async with self.stack.bench(
            self.lane,
            self.variant,
            {},
            tapped=way.tapped,
            passed_by=(reading_postgres,) if way.tapped else (),
            changes=way.changes,
        ) as bench:
            self.backends |= {
                role: f"{backend.kind} {backend.version}".strip()
                for role, backend in bench.backends.items()
            }
            async with (
                crowd(bench, self.script) as clients,
                stripe_latency(bench.stripe_url, self.pressure.stripe_latency),
            ):
                self.one_by_one = clients.takes_back
                runs = await self._bursts(bench, clients, place)
                orders = {
                    pace: await played(clients, self.script, self.pressure, pace)
                    for pace in AttemptsCome
                }
            made = passed(bench)
        why = [run for run in runs if run.status is not Status.VALID]
        why.sort(key=lambda run: run.status is not Status.INVALID)
        return WayRun(
            round=number,
            bursts=len(runs),
            broken=sum(run.status is Status.INVALID for run in runs),
            open=sum(run.status is Status.UNKNOWN for run in runs),
            reason=_reason(why[0]) if why else "",
            played=orders,
            never_came=tuple(
                change.words
                for change in way.changes
                if not (isinstance(change, Migrated) or made[change])
            ),
        )

    async def _bursts(self, bench: Bench, clients: TargetClients, place: Path) -> list[Run]:
        runs = []
        for number in range(1, self.pressure.bursts + 1):
            runs.append(await burst(bench, clients, self.script, place, f"burst-{number}.jsonl"))
            await clients.settle()
        return runs


def passed(bench: Bench) -> Counter[Change]:
    """Return how often each change was made, in what anybody sent."""
    made: Counter[Change] = Counter(bench.stripe_tap.passed)
    for tap in bench.taps.values():
        if isinstance(tap, PostgresTap) and tap.changing is not None:
            made.update(tap.changing.passed)
    return made


def _reason(run: Run) -> str:
    worst = next((verdict for verdict in run.verdicts if verdict.status is run.status), None)
    return count(1, "burst") if worst is None else worst.reason
