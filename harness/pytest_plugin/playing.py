"""The checks themselves: one exploration, some bursts, or one replay."""

from __future__ import annotations

import shlex
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.explore.exploration import Explored, explore, opened, save
from paidonce.harness.explore.regression import Replay
from paidonce.harness.explore.search import Budget as SearchBudget
from paidonce.harness.explore.search import Ending
from paidonce.harness.explore.search.recorded_order import Recorded, statements
from paidonce.harness.explore.validate.spending import validation_of
from paidonce.harness.explore.witness.export.brief import labels_in_brief, steps_in_brief
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.process import event_loop as loop
from paidonce.harness.proof.plan import HISTORIES
from paidonce.harness.pytest_plugin.options import Budget, CheckRequest
from paidonce.harness.pytest_plugin.result import Result
from paidonce.harness.results.proof import Run
from paidonce.harness.targets.check.bursts import burst as one_burst
from paidonce.harness.targets.check.bursts import crowd, orders_of_the_broken
from paidonce.harness.targets.check.replay import replay_target_witness
from paidonce.harness.targets.check.smoke import smoke
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.run.kept_for_tests import kept_for_tests
from paidonce.harness.targets.run.script import TargetScript, script_of
from paidonce.harness.targets.run.search_request import request_for
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, Lane, Stack, open_stack
from paidonce.harness.verdict import Status

BURSTS = 20
"""How many, where only a time is given."""
CONFIRM_S = 30.0
"""The least time for searching a witness of what bursts showed, in seconds."""


@dataclass(frozen=True)
class Play:
    """The things to be played, what they are played on, and where their files go."""

    wanted: CheckRequest
    target: tuple[Loaded, TargetSubject] | None
    choice: Choice
    folder: Path

    @property
    def loaded(self) -> Loaded:
        assert self.target is not None
        return self.target[0]

    @property
    def subject(self) -> TargetSubject:
        assert self.target is not None
        return self.target[1]

    @property
    def script(self) -> TargetScript:
        """The attempts, as many as are wanted. Raises ``UsageError``."""
        script = script_of(self.loaded)
        attempts = self.wanted.attempts
        return script if attempts is None else script.with_attempts(attempts)

    @property
    def variant(self) -> str:
        """The variant that is wanted, or the only one. Raises ``UsageError``."""
        if self.wanted.variant is not None:
            return self.subject.variant(self.wanted.variant).name
        names = [variant.name for variant in self.subject.variants]
        if len(names) > 1:
            raise UsageError(
                f"{self.loaded.path} has several variants; name one by variant= or "
                f"--paidonce-variant: {', '.join(names)}"
            )
        return names[0]


def explored(play: Play) -> Result:
    """Search every interleaving that differs. Raises ``PaidonceError``."""

    async def main() -> Result:
        async with _opened(play) as stack:
            lane = await stack.lane()
            return await _explored(play, stack, lane, play.script, _search(play.wanted.budget))

    return loop.run(main())


def burst(play: Play) -> Result:
    """Send all attempts at once, up to 20 times; what breaks is searched for a witness.

    The order in which statements came in those is tried first. Raises ``PaidonceError``.
    """

    async def main() -> Result:
        async with _opened(play) as stack:
            lane = await stack.lane()
            began = time.monotonic()
            runs = await _bursts(play, stack, lane)
            seconds = time.monotonic() - began
            result = _of_bursts(play, runs, seconds)
            broke = sum(run.status is Status.INVALID for run in runs)
            if not broke:
                return result
            left = (play.wanted.budget.seconds or 0.0) - seconds
            budget = SearchBudget(seconds=max(left, CONFIRM_S))
            orders = orders_of_the_broken(runs, play.folder)
            found = await _explored(play, stack, lane, play.script, budget, orders)
            if not found.invalid:
                found = await _explored(play, stack, lane, _fewest(play.script), budget)
            if not found.invalid:
                return result
            how = f"{broke} of {len(runs)} bursts broke; {found.how}"
            return replace(found, mode="burst", how=how)

    return loop.run(main())


def replayed(play: Play) -> Result:
    """Follow a witness. Raises ``PaidonceError``."""
    wanted, began = play.wanted, time.monotonic()
    assert wanted.witness is not None
    witness = read_witness(wanted.witness)
    replay = replay_target_witness(
        wanted.witness, target=wanted.target, variant=wanted.variant, choice=play.choice
    )
    return Result(
        mode="replay",
        target=witness.target,
        variant=replay.variant,
        attempts=len(witness.attempts),
        status=replay.status,
        how=_of_replay(replay),
        verdicts=replay.broken,
        steps=labels_in_brief(replay.steps),
        executions=1,
        seconds=time.monotonic() - began,
        witness=wanted.witness,
        command=_command(wanted.witness, replay.variant),
    )


def _opened(play: Play) -> AbstractAsyncContextManager[Stack]:
    choice, kept = kept_for_tests(play.loaded, play.choice)
    return open_stack(play.subject, choice, logs=play.folder / "logs", kept=kept)


# --- exploration ---------------------------------------------------------------------------------


async def _explored(
    play: Play,
    stack: Stack,
    lane: Lane,
    script: TargetScript,
    budget: SearchBudget,
    orders: tuple[Recorded, ...] = (),
) -> Result:
    """``orders`` are those of bursts that broke, so that something is to be found."""
    explore_table = play.loaded.file.explore
    async with opened(
        stack,
        script,
        play.variant,
        lanes=[lane],
        noise=explore_table.noise,
        mode=Mode(apart=frozenset(statements(orders))),
    ) as worlds:
        if explore_table.watch_s:
            await worlds[0].watch(explore_table.watch_s)
        tried = await smoke(worlds[0], script)
        if tried.problems:
            raise UsageError(f"{play.loaded.path}: {'; '.join(tried.problems)}")
        request = replace(
            request_for(script, play.variant),
            budget=budget,
            first=orders,
            memory=bool(orders),
            validation=validation_of(play.wanted.validate),
            faults=0 if orders else play.wanted.faults,
        )
        found = await explore(worlds, request)
    return _of_search(play, script, found, tried.notes)


def _of_search(play: Play, script: TargetScript, found: Explored, notes: tuple[str, ...]) -> Result:
    result = found.result
    witness = save(found, play.folder)
    match result.ending:
        case Ending.COMPLETE:
            how = f"complete: {result.claimed}"
        case Ending.COUNTEREXAMPLE:
            how = f"a race, found in execution {result.found[0].execution.number}"
        case Ending.INCOMPLETE:
            how = f"not complete: {result.reason}; covered: {result.coverage}"
    broken = () if found.witness is None else found.witness.broken
    return Result(
        mode="explore",
        target=script.name,
        variant=play.variant,
        attempts=len(script.clients),
        status=result.ending.status,
        how=how,
        verdicts=broken,
        steps=(
            ()
            if found.witness is None or found.history is None
            else steps_in_brief(found.witness, found.history)
        ),
        executions=result.counts.executions,
        seconds=result.seconds,
        witness=witness,
        command="" if witness is None else _command(witness),
        notes=(*notes, *found.notes),
    )


def _search(budget: Budget) -> SearchBudget:
    return SearchBudget(schedules=budget.count, seconds=budget.seconds)


# --- bursts --------------------------------------------------------------------------------------


async def _bursts(play: Play, stack: Stack, lane: Lane) -> list[Run]:
    budget = play.wanted.budget
    most = BURSTS if budget.count is None else budget.count
    deadline = None if budget.seconds is None else time.monotonic() + budget.seconds
    runs_already = play.loaded.file.service is not None  # its Postgres is behind the tap
    taps = openers() if runs_already else ()
    runs: list[Run] = []
    async with (
        stack.bench(lane, play.variant, {}, controlled_by=taps) as bench,
        crowd(bench, play.script) as clients,
    ):
        while len(runs) < most:
            if runs and deadline is not None and time.monotonic() >= deadline:
                break
            name = f"{HISTORIES}/burst-{len(runs) + 1}.jsonl"
            runs.append(await one_burst(bench, clients, play.script, play.folder, name))
    return runs


def _of_bursts(play: Play, runs: list[Run], seconds: float) -> Result:
    broke = [run for run in runs if run.status is Status.INVALID]
    undecided = [run for run in runs if run.status is Status.UNKNOWN]
    worst = (broke or undecided or runs)[0]
    status = Status.VALID
    how, command = f"held in {len(runs)} bursts", ""
    if broke:
        status = Status.INVALID
        how = (
            f"broke in {len(broke)} of {len(runs)} bursts, and no witness was found that shows it "
            "again"
        )
    elif undecided:
        status = Status.UNKNOWN
        how = f"{len(undecided)} of {len(runs)} bursts were not decided"
    if status is not Status.VALID:
        command = f"look again: paidonce check {shlex.quote(_shown(play.folder / worst.history))}"
    return Result(
        mode="burst",
        target=play.script.name,
        variant=play.variant,
        attempts=len(play.script.clients),
        status=status,
        how=how,
        verdicts=tuple(v.broken for v in worst.verdicts if v.status is not Status.VALID),
        executions=len(runs),
        seconds=seconds,
        command=command,
    )


def _fewest(script: TargetScript) -> TargetScript:
    """Two attempts where they are copies: what breaks with many mostly breaks with two."""
    try:
        return script.with_attempts(2)
    except UsageError:
        return script


# --- words ---------------------------------------------------------------------------------------


def _of_replay(replay: Replay) -> str:
    words = {
        Status.VALID: "the race is gone",
        Status.INVALID: "the race of the witness is still there",
        Status.UNKNOWN: "the replay could not be judged",
    }[replay.status]
    if replay.departure is None:
        return words
    return f"{words}; the service went another way than the witness at {replay.departure}"


def _command(witness: Path, variant: str | None = None) -> str:
    argv = ["paidonce", "replay", _shown(witness)]
    argv += ["--variant", variant] if variant is not None else []
    return f"replay it: {shlex.join(argv)}"


def _shown(path: Path) -> str:
    """As a person types it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
