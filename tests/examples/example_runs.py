"""Predicts and explores every variant of a worked example, built in a folder of its own."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from paidonce.harness.explore.exploration import (
    Explored,
    SearchRequest,
    explore,
    opened,
    opened_as,
    play_again,
    save,
)
from paidonce.harness.explore.search import Budget
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.explore.witness.file import broken_of, read_witness
from paidonce.harness.predict import Decided, decided, orders_of, predicted, weighed
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import TargetScript, script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, Stack, open_stack

EXAMPLES = Path(__file__).parents[2] / "examples"
SEARCH = Budget(seconds=400)
SHRINK = Budget(schedules=60)
_BUILT = ("node_modules", ".venv", "dist", "generated", "target", "bin", "__pycache__")


@dataclass(frozen=True)
class Wanted:
    """Which variants are looked at (None: all), how often what was found is replayed, on how many
    lanes they are searched, what is spent on making a counterexample smaller, and what on trying
    what a proof relied on."""

    variants: tuple[str, ...] | None = None
    replays: int = 3
    lanes: int = 1
    shrink: Budget = SHRINK
    validation: Validation | None = field(default_factory=Validation)


@dataclass
class Example:
    """What came of it. ``replays`` are for each variant that broke: "" where a replay showed the
    same, else what it did instead."""

    sound: dict[str, bool] = field(default_factory=dict)
    predictions: dict[str, tuple[Decided, ...]] = field(default_factory=dict)
    explored: dict[str, Explored] = field(default_factory=dict)
    replays: dict[str, list[str]] = field(default_factory=dict)


def copied(name: str, folder: Path) -> Path:
    """The example ``name`` ("express-pg"), not built, in a folder of its own in ``folder``."""
    copy = folder / name
    shutil.copytree(EXAMPLES / name, copy, ignore=shutil.ignore_patterns(*_BUILT))
    return copy


def build(target: Path) -> None:
    """Run the build of a target file. Raises ``ChildFailed``."""
    TargetSubject(load_target(target)).build()


def explored(target: Path, choice: Choice, folder: Path, wanted: Wanted) -> Example:
    """Predict and explore variants of a target that was built, and replay what was found."""
    return asyncio.run(_explored(target, choice, folder, wanted))


async def _explored(target: Path, choice: Choice, folder: Path, wanted: Wanted) -> Example:
    loaded = load_target(target)
    subject, script, found = TargetSubject(loaded, _built=True), script_of(loaded), Example()
    async with open_stack(subject, choice, logs=folder / "logs") as stack:
        for variant in subject.variants:
            if wanted.variants is not None and variant.name not in wanted.variants:
                continue
            found.sound[variant.name] = variant.sound
            noise = loaded.file.explore.noise
            lanes = 1 if not variant.sound else wanted.lanes
            async with opened(stack, script, variant.name, lanes, noise) as worlds:
                # Watching it is left to the search, which begins with that.
                # Who waits for what another has Stripe raise does nothing alone.
                waits = any(one.awaits for one in script.attempts)
                expected = None if waits else await predicted(worlds[0], watch=0.0)
                request = SearchRequest(
                    scenario=script,
                    variant=variant.name,
                    budget=SEARCH,
                    lanes=len(worlds),
                    shrink=wanted.shrink,
                    validation=wanted.validation,
                    first=() if expected is None else orders_of(expected),
                )
                came = found.explored[variant.name] = await explore(worlds, request)
                if expected is not None:
                    matters = await weighed(worlds[0], expected, came)
                    settled = decided(expected, came.result, came.history, matters)
                    found.predictions[variant.name] = settled
            witness = save(came, folder / "witnesses")
            if witness is not None:
                found.replays[variant.name] = await _replayed(
                    stack, script, witness, wanted.replays
                )
    return found


async def _replayed(stack: Stack, script: TargetScript, path: Path, times: int) -> list[str]:
    """What ``times`` replays, of a service started anew, do instead of what the witness shows."""
    witness, instead = read_witness(path), []
    told = script.told_by(witness.attempts)
    async with opened_as(witness, stack, told, witness.variant) as worlds:
        for _ in range(times):
            steps = tuple(step.expected() for step in witness.steps)
            replayed, judged = await play_again(worlds, steps)
            if replayed.divergence is not None or judged is None:
                instead.append(f"went another way at {replayed.divergence}")
                continue
            assert worlds.last is not None
            broken = broken_of(judged.verdicts, worlds.last.reader.names)
            instead.append("" if broken == witness.broken else f"broke {broken}")
    return instead
