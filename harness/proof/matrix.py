"""The main job: every scenario against every variant, and what came of it.

Every cell is played, with real concurrency and in real time; then it is searched, within its share
of the time there is. Cells that need the same service
settings share one running service; several lanes work side by side. A cell that breaks is an
error of that cell only. Whatever was found before an interruption is in the result.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from paidonce.harness.checkers import judge
from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.history import read_history
from paidonce.harness.proof.cell_search import (
    Allowance,
    Searcher,
    not_searched,
    ran_out,
    unusable,
    waits_mostly,
)
from paidonce.harness.proof.plan import HISTORIES, Findings, ProofPlan
from paidonce.harness.results.proof import Cell, Run, Variant
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.play import missing, play_scenario
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Lane, Stack
from paidonce.harness.verdict import Status, merge

_COSTLY = 2
"""After so many searches in a row that ran out of time a guard's others wait for a second round."""


@dataclass(frozen=True)
class _Task:
    """Scenarios that one running service can be asked to play, or under control to be searched
    with."""

    variant: Variant
    settings: Mapping[str, str]
    scenarios: tuple[Scenario, ...]
    waits: bool = False
    """Most of its time is spent waiting: for a time-out, or for a lease to run out."""
    search: bool = False
    again: bool = False
    """The second round of a search."""
    played: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when these scenarios have been played; a search waits for it."""


async def prove(stack: Stack, findings: Findings) -> None:
    """Play, judge and search every cell of the plan, filling ``findings`` as it goes."""
    plan = findings.plan
    # Lanes come to what waits last, and find that most of it is done: see _wait_along.
    plays = sorted(_tasks(plan, plan.scenarios), key=lambda task: task.waits)
    tasks = [*plays, *_searches(plan, plays)]
    lanes = stack.choice.lanes(min(plan.lanes, len(tasks)))
    cells = len(plan.variants) * len(plan.searched)
    allowance = Allowance(
        lambda: plan.time_to_search(time.monotonic() - findings.began), cells, lanes
    )
    try:
        await _side_by_side(stack, findings, deque(tasks), allowance, lanes)
    except asyncio.CancelledError:
        findings.interrupted = True
        raise


async def _side_by_side(
    stack: Stack, findings: Findings, queue: deque[_Task], allowance: Allowance, lanes: int
) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(_work(stack, findings, queue, allowance))
            if 1 < lanes < stack.choice.lanes(lanes + 1):
                group.create_task(_wait_along(stack, findings, queue))
    except* PaidonceError as failures:
        raise failures.exceptions[0] from None


async def _work(
    stack: Stack, findings: Findings, queue: deque[_Task], allowance: Allowance
) -> None:
    lane = await stack.lane(often=True)
    while queue:
        task = queue.popleft()
        if task.search:
            await task.played.wait()
            later = await _search(stack, lane, findings, task, allowance)
            if later is not None:
                queue.append(later)
        else:
            await _play(stack, lane, findings, task)


async def _wait_along(stack: Stack, findings: Findings, queue: deque[_Task]) -> None:
    """Play what mostly waits, beside the lanes that have work to do."""
    lane = await stack.lane(often=True)
    while (task := next((t for t in queue if t.waits and not t.search), None)) is not None:
        queue.remove(task)
        await _play(stack, lane, findings, task)


async def _play(stack: Stack, lane: Lane, findings: Findings, task: _Task) -> None:
    try:
        async with stack.bench(lane, task.variant.name, task.settings) as bench:
            findings.met(bench)
            for scenario in task.scenarios:
                findings.add(await prove_cell(findings.plan, bench, task.variant, scenario))
    except PaidonceError as error:
        for scenario in task.scenarios:
            if (task.variant.name, scenario.name) not in findings.cells:
                findings.add(_broken(task.variant, scenario, error))
    finally:
        task.played.set()


async def _search(
    stack: Stack, lane: Lane, findings: Findings, task: _Task, allowance: Allowance
) -> _Task | None:
    """Search the cells of ``task`` one after the other, on one service as long as it is sound.

    Returns those for which there should be a second round.
    """
    left = [s for s in task.scenarios if _was_played(findings, task.variant, s)]
    allowance.done(len(task.scenarios) - len(left))
    later: list[Scenario] = []
    costly = 0
    while left:
        if allowance.spent:  # no service need be started for those
            for scenario in left:
                _not_reached(findings, task.variant.name, scenario, allowance)
            break
        try:
            async with stack.bench(
                lane, task.variant.name, task.settings, controlled_by=openers()
            ) as bench:
                searcher = Searcher(
                    bench, findings.plan.seed, findings.plan.out, findings.plan.validation
                )
                while left:
                    sound, enough = await _search_next(
                        searcher, findings, left[0], allowance, again=task.again
                    )
                    scenario = left.pop(0)
                    costly = 0 if enough else costly + 1
                    if enough:
                        allowance.done()
                    else:
                        later.append(scenario)
                    if costly == _COSTLY:  # so will the others of this guard be
                        later, left = [*later, *left], []
                    if not sound:
                        break
        except PaidonceError as error:
            if left:
                findings.searched(task.variant.name, left.pop(0).name, unusable(error))
                allowance.done()
    return replace(task, scenarios=tuple(later), again=True) if later else None


async def _search_next(
    searcher: Searcher,
    findings: Findings,
    scenario: Scenario,
    allowance: Allowance,
    *,
    again: bool,
) -> tuple[bool, bool]:
    """Search one cell. Returns whether the service can be used again, and whether the time was
    enough, or as much as there will be."""
    variant = searcher.bench.variant
    seconds = allowance.share(again=again)
    if seconds <= 0:
        _not_reached(findings, variant, scenario, allowance)
        return True, True
    search = await searcher.search(scenario, seconds)
    enough = again or not ran_out(search, seconds)
    findings.searched(variant, scenario.name, search, final=enough)
    # What made an execution invalid, a transaction left open say, may be in the next one's way.
    return not search.invalid, enough


def _not_reached(
    findings: Findings, variant: str, scenario: Scenario, allowance: Allowance
) -> None:
    """The time was over before the cell's turn, or before it came again."""
    search = findings.cells[variant, scenario.name].search
    if search is None:
        reason = f"the {allowance.total:.3g} s for searching were spent before its turn"
        search = not_searched(reason)
    findings.searched(variant, scenario.name, search)


def _was_played(findings: Findings, variant: Variant, scenario: Scenario) -> bool:
    cell = findings.cells.get((variant.name, scenario.name))
    return cell is not None and bool(cell.runs) and cell.error is None


async def prove_cell(plan: ProofPlan, bench: Bench, variant: Variant, scenario: Scenario) -> Cell:
    """Play one scenario as often as asked, and judge every history."""
    reason = missing(scenario, bench)
    if reason is not None:
        return Cell(
            variant=variant.name,
            scenario=scenario.name,
            expected=expected(variant, scenario),
            skipped=reason,
        )
    runs: list[Run] = []
    try:
        for number in range(1, (plan.rounds or scenario.rounds) + 1):
            runs.append(await _run(plan, bench, variant, scenario, number))
    except PaidonceError as error:
        return _broken(variant, scenario, error, runs)
    return Cell(
        variant=variant.name,
        scenario=scenario.name,
        expected=expected(variant, scenario),
        runs=tuple(runs),
    )


def expected(variant: Variant, scenario: Scenario) -> Status:
    """Return what is declared of a cell."""
    return Status.INVALID if variant.name in scenario.breaks else Status.VALID


async def _run(
    plan: ProofPlan, bench: Bench, variant: Variant, scenario: Scenario, number: int
) -> Run:
    began = time.monotonic()
    relative = Path(HISTORIES) / variant.name / f"{scenario.name}-{number}.jsonl"
    await play_scenario(scenario, bench, plan.out / relative, seed=plan.seed)
    verdicts = await asyncio.to_thread(lambda: judge(read_history(plan.out / relative)))
    return Run(
        history=relative.as_posix(),
        status=merge(verdict.status for verdict in verdicts),
        verdicts=verdicts,
        seconds=time.monotonic() - began,
        # What a story does not show that cannot make sure of its race depends on the load.
        raced=not scenario.certain and expected(variant, scenario) is Status.INVALID,
    )


def _broken(
    variant: Variant, scenario: Scenario, error: PaidonceError, runs: Sequence[Run] = ()
) -> Cell:
    return Cell(
        variant=variant.name,
        scenario=scenario.name,
        expected=expected(variant, scenario),
        runs=tuple(runs),
        error=str(error),
    )


def _tasks(plan: ProofPlan, scenarios: Sequence[Scenario]) -> list[_Task]:
    """One task for each variant and set of settings that reaches the service."""
    tasks = []
    for variant in plan.variants:
        groups: dict[tuple[tuple[str, str], ...], list[Scenario]] = {}
        for scenario in scenarios:
            reaching = {k: v for k, v in scenario.settings.items() if k in plan.target.settings}
            groups.setdefault(tuple(sorted(reaching.items())), []).append(scenario)
        tasks += [
            _Task(
                variant,
                dict(settings),
                tuple(members),
                waits=all(waits_mostly(member) for member in members),
            )
            for settings, members in groups.items()
        ]
    return tasks


def _searches(plan: ProofPlan, plays: Sequence[_Task]) -> list[_Task]:
    """The searches: those first that have a counterexample to find, since they end soon, then the
    sound variants', and last the stories that a vulnerable one survives."""
    order = ([], [], [])  # type: tuple[list[_Task], list[_Task], list[_Task]]
    for play in plays:
        searched = [s for s in play.scenarios if s in plan.searched]
        breaks = tuple(s for s in searched if play.variant.name in s.breaks)
        others = tuple(s for s in searched if play.variant.name not in s.breaks)
        for scenarios, place in ((breaks, 0), (others, 1 if play.variant.sound else 2)):
            if scenarios:
                order[place].append(replace(play, search=True, scenarios=scenarios))
    return [task for tasks in order for task in tasks]
