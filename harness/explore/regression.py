"""Replays a witness from a test: is the race gone, or is it still there?

    replay = replay_witness(path, target=TARGET, scenario=scenario("two_tabs"))
    assert replay.gone, replay.explanation

A replay follows one schedule. That it no longer breaks anything is what a regression test wants
to know; that nothing does in any other schedule is for ``paidonce explore`` to say.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TypeVar

import msgspec

from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.exploration import opened_as
from paidonce.harness.explore.search import Divergence
from paidonce.harness.explore.witness.file import (
    Witness,
    WitnessStep,
    broken_of,
    read_witness,
    steps_of,
)
from paidonce.harness.explore.witness.lenient_replay import follow
from paidonce.harness.process import event_loop as loop
from paidonce.harness.scenario.subject import as_subject
from paidonce.harness.service.description import Target
from paidonce.harness.service.script import Script
from paidonce.harness.testbed.bench import Subject
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.harness.verdict import Broken, Status

S = TypeVar("S", bound=Script)


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """The result of following a witness.

    ``departure`` is where the service first did something else, None if it did the same to the
    end. ``steps`` are those it made.
    """

    path: str
    variant: str
    status: Status
    broken: tuple[Broken, ...]
    steps: tuple[WitnessStep, ...]
    departure: Divergence | None = None

    @property
    def gone(self) -> bool:
        """Return whether every invariant held. What could not be judged is not gone."""
        return self.status is Status.VALID

    @property
    def command(self) -> str:
        """The command that replays the witness."""
        return shlex.join(["paidonce", "replay", self.path, "--guard", self.variant])

    @property
    def explanation(self) -> str:
        """Return what broke, by which steps, and how to look again; for the message of a test."""
        words = {
            Status.VALID: "the race is gone: no invariant is broken",
            Status.INVALID: "the race is still there",
            Status.UNKNOWN: "the replay could not be judged",
        }
        lines = [words[self.status]]
        lines += [f"  {broken.words}" for broken in self.broken]
        if self.departure is not None:
            lines.append(f"the service went another way than the witness at {self.departure}")
        lines += [f"  {s.number:>3}  {s.actor:<14} {s.label}{_waits(s)}" for s in self.steps]
        lines.append(f"look again: {self.command}")
        lines.append(f"step by step: paidonce step {shlex.quote(self.path)}")
        return "\n".join(lines)


def _waits(step: WitnessStep) -> str:
    return "  (waits)" if step.blocked else ""


def replay_witness(
    path: str | os.PathLike[str],
    *,
    target: Target | Subject,
    scenario: Script,
    variant: str | None = None,
    choice: Choice | None = None,
    kept: KeptDatabases | None = None,
) -> Replay:
    """Start the target's service, follow the witness in ``path``, and judge what came of it.

    ``variant`` is the witness's own unless another is named. Without a ``choice`` Postgres and
    Redis are those the environment names for the test run, else embedded ones; everything that
    is started is stopped again. ``kept`` is where a migrated database may be.

    Raises ``UsageError`` when the witness cannot be read or is of another target or scenario,
    ``Unavailable`` when a backend cannot be had, ``InvalidRun`` when the harness was not in
    control of the execution.
    """
    return loop.run(replaying(path, target, scenario, variant, choice, kept))


async def replaying(
    path: str | os.PathLike[str],
    target: Target | Subject,
    scenario: Script,
    variant: str | None = None,
    choice: Choice | None = None,
    kept: KeptDatabases | None = None,
) -> Replay:
    """The same as ``replay_witness`` for code that is asynchronous itself."""
    witness = read_witness(Path(path))
    story = scenario_of(witness, target, scenario)
    chosen = target.variant(variant or witness.variant).name
    async with (
        open_stack(as_subject(target), choice or shared_choice(), kept=kept) as stack,
        opened_as(witness, stack, story, chosen) as worlds,
    ):
        followed = await follow(worlds, [step.expected() for step in witness.steps])
        world = worlds.last
        assert world is not None
        assert world.judged is not None
        return Replay(
            path=os.fspath(path),
            variant=chosen,
            status=world.judged.came.status,
            broken=broken_of(world.judged.verdicts, world.reader.names),
            steps=steps_of(followed.taken),
            departure=followed.departure,
        )


def scenario_of(witness: Witness, target: Target | Subject, scenario: S) -> S:
    """``scenario`` with the attempts of the witness.

    Raises ``UsageError`` when the witness is of another target or scenario.
    """
    if witness.target != target.name:
        raise UsageError(f"the witness is of the target {witness.target!r}, not {target.name!r}")
    if witness.scenario != scenario.name:
        raise UsageError(
            f"the witness is of the scenario {witness.scenario!r}, not {scenario.name!r}"
        )
    return scenario.lapsing(witness.lapse).told_by(witness.attempts)


def shared_choice() -> Choice:
    """The servers the environment names (see ``paidonce.harness.backends.shared``), else
    embedded ones.
    """
    redis = os.environ.get(REDIS_VARIABLE)
    return Choice(
        postgres=os.environ.get(POSTGRES_VARIABLE) or "embedded",
        redis=redis_url_of_worker(redis) if redis else "embedded",
    )
