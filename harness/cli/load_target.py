"""``paidonce load TARGET``: a target's own attempts under load, with each fix made on the way."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console

from paidonce import reports
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli.playable import Playable, is_target, named
from paidonce.harness.cli.searching import built
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.exploration import opened
from paidonce.harness.load.observe.stripe_latency import stripe_spread
from paidonce.harness.masking import command_line
from paidonce.harness.predict import predicted
from paidonce.harness.process import event_loop as loop
from paidonce.harness.proof.plan import machine
from paidonce.harness.results.fix_costs import FixCosts, LeftOut
from paidonce.harness.targets.load import FixLoad, Pressure, WayToRun, ways_of
from paidonce.harness.targets.load.ways import UNFIXED
from paidonce.harness.targets.run.script import TargetScript
from paidonce.harness.testbed.stack import Choice, Lane, Stack
from paidonce.reports.formats import fix_costs as writer

OF_GUARDS = {
    "profiles": "--profile",
    "warmup": "--warmup",
    "rate": "--rate",
    "arrivals": "--arrivals",
    "contentions": "--contention",
    "think": "--think",
    "timeout": "--timeout",
    "retries": "--retries",
    "connections": "--connections",
    "sweep": "--sweep",
    "processes": "--processes",
    "saturate": "--saturate",
    "limits": "--limits",
    "seed": "--seed",
    "metrics_port": "--metrics-port",
    "otlp": "--otlp",
}
"""Options of ``paidonce load`` that say how Locust's users behave, or what the reference service is
told: a target's file says what its attempts do."""
OF_TARGETS = {"try_fixes": "--try", "bursts": "--bursts", "fresh": "--fresh"}
"""Options that there are for a target alone."""


def refuse_others(context: typer.Context, options: dict[str, str], why: str) -> None:
    """Raise ``UsageError`` where one of these options was given."""
    for name, flag in options.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{flag}: {why}")


def playable_of(context: typer.Context, name: str, variants: Sequence[str]) -> Playable:
    """The target file that is to be put under load, with the variant. Raises ``UsageError``."""
    if not is_target(name):
        raise UsageError(
            f"expected a target file (.toml), got {name!r}; guards are named by --guard"
        )
    refuse_others(
        context, OF_GUARDS, "is for load on guards; a target's file says what its clients do"
    )
    if len(variants) > 1:
        raise UsageError("--variant: one variant of a target is put under load at a time")
    return named(name, variants[0] if variants else None)


def load_target(
    playable: Playable,
    choice: Choice,
    pressure: Pressure,
    folder: Path,
    *,
    rounds: int,
    try_fixes: bool,
    fresh: bool,
) -> int:
    """Put it under load as it is, and with each fix; write the report; returns the exit code.

    That is 1 where a variant that is declared sound broke in a burst as it is, and otherwise 0:
    load is no proof.
    """
    if pressure.stripe_latency:
        stripe_spread(pressure.stripe_latency)
    kept = playable.kept(choice, fresh=fresh)
    measuring = _Measuring(playable, choice, kept, pressure, folder, rounds, try_fixes)
    try:
        loop.run(measuring.measure())
    finally:
        # Of what is interrupted, too, all is told that was measured.
        if (costs := measuring.costs()) is not None:
            Console(highlight=False).print(writer.terminal(costs))
            for path in reports.write_fix_costs(costs, folder):
                Console(highlight=False, soft_wrap=True).print(f"  {path}", markup=False)
    unfixed = None if costs is None else costs.unfixed
    return int(costs is not None and costs.sound and unfixed is not None and unfixed.broken > 0)


@dataclass
class _Measuring:
    """A target that is put under load: what is asked for, and what is known of it so far."""

    playable: Playable
    choice: Choice
    kept: KeptDatabases | None
    pressure: Pressure
    folder: Path
    rounds: int
    try_fixes: bool
    load: FixLoad | None = None
    over: bool = False
    left_out: Sequence[LeftOut] = ()
    notes: tuple[str, ...] = ()
    started: str = field(
        default_factory=lambda: datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    )

    async def measure(self) -> None:
        """Measure all ways to run it."""
        playable, script = self.playable, self.playable.script
        assert isinstance(script, TargetScript)
        async with built(playable, self.choice, self.kept, self.folder) as (stack, live):
            lane = await stack.lane()
            ways: Sequence[WayToRun] = UNFIXED
            if self.try_fixes:
                live.update("playing each attempt alone")
                ways, self.left_out, self.notes = await _ways(playable, stack, lane)
            histories = self.folder / "histories"
            self.load = FixLoad(
                stack, lane, script, playable.variant, ways, self.pressure, histories
            )
            self.load.doing = lambda text: live.update(f"load: {text}")
            await self.load.measure(self.rounds)
        self.over = True

    def costs(self) -> FixCosts | None:
        """Return all that was measured; None where nothing was."""
        if self.load is None or not (self.over or any(way.runs for way in self.load.told())):
            return None
        subject = self.playable.subject
        notes = self.notes if self.over else (*self.notes, "it was interrupted")
        return FixCosts(
            target=subject.name,
            variant=self.playable.variant,
            sound=subject.variant(self.playable.variant).sound,
            started=self.started,
            command=command_line(),
            machine=machine(self.load.backends),
            users=self.pressure.users,
            rounds=self.rounds,
            stripe_latency=self.pressure.stripe_latency,
            one_by_one=self.load.one_by_one,
            ways=self.load.told(),
            left_out=tuple(self.left_out),
            notes=notes,
        )


async def _ways(
    playable: Playable, stack: Stack, lane: Lane
) -> tuple[tuple[WayToRun, ...], tuple[LeftOut, ...], tuple[str, ...]]:
    """The ways to run it by what its attempts alone foretell."""
    request = playable.request
    async with opened(stack, request.scenario, request.variant, [lane], request.noise) as (worlds,):
        notes = await playable.tried_out(worlds, request.watch)
        forecast = await predicted(worlds, request.watch, orm=playable.orm)
    ways, left_out = ways_of(forecast, own_database=bool(playable.subject.database_url))
    if not forecast.predictions:
        notes = (*notes, "no bad order is predicted, so there is no fix to be tried")
    return ways, left_out, notes
