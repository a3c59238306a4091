"""The main job: every scenario against every variant, and what came of it.

Cells that need the same service settings share one running service; several lanes work side by
side. A cell that breaks is an error of that cell only. Whatever was found before an interruption
is in the result.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import harness
from harness.bench import Bench
from harness.checkers import judge
from harness.errors import PaidonceError
from harness.history import read_history
from harness.play import missing, play_scenario
from harness.results import Cell, Load, Machine, Proof, Run, ScenarioInfo, Variant
from harness.scenario import Scenario
from harness.stack import Lane, Stack
from harness.target import Target
from harness.verdict import Status, merge

HISTORIES = "histories"


@dataclass(frozen=True)
class Plan:
    """What is to be proved. ``rounds`` overrides every scenario's own number of rounds."""

    target: Target
    variants: tuple[Variant, ...]
    scenarios: tuple[Scenario, ...]
    out: Path
    seed: int = 0
    rounds: int | None = None
    lanes: int = 2
    command: str = "paidonce prove"


@dataclass
class Findings:
    """What has been found so far; ``on_cell`` is told of every cell as it ends."""

    plan: Plan
    on_cell: Callable[[Cell], None] = lambda cell: None
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    backends: dict[str, str] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)
    interrupted: bool = False
    began: float = field(default_factory=time.monotonic)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))

    def met(self, bench: Bench) -> None:
        """Remember which backends were used."""
        self.backends.update(
            {role: f"{b.kind} {b.version}".strip() for role, b in bench.backends.items()}
        )

    def add(self, cell: Cell) -> None:
        """One more cell has ended."""
        self.cells[cell.variant, cell.scenario] = cell
        self.on_cell(cell)

    def proof(self) -> Proof:
        """All of it, in the order of the plan."""
        plan = self.plan
        return Proof(
            started=self.started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self.began,
            seed=plan.seed,
            command=plan.command,
            machine=machine(self.backends),
            variants=plan.variants,
            scenarios=tuple(info(scenario) for scenario in plan.scenarios),
            cells=tuple(
                self.cells[variant.name, scenario.name]
                for variant in plan.variants
                for scenario in plan.scenarios
                if (variant.name, scenario.name) in self.cells
            ),
            loads=tuple(self.loads),
            interrupted=self.interrupted,
        )


@dataclass(frozen=True)
class _Task:
    """Scenarios that one running service can be asked to play."""

    variant: Variant
    settings: Mapping[str, str]
    scenarios: tuple[Scenario, ...]


async def prove(stack: Stack, findings: Findings) -> None:
    """Play and judge every cell of the plan, filling ``findings`` as it goes."""
    plan = findings.plan
    queue: asyncio.Queue[_Task] = asyncio.Queue()
    for task in _tasks(plan):
        queue.put_nowait(task)
    try:
        await _side_by_side(stack, findings, queue, min(plan.lanes, queue.qsize()))
    except asyncio.CancelledError:
        findings.interrupted = True
        raise


async def _side_by_side(
    stack: Stack, findings: Findings, queue: asyncio.Queue[_Task], lanes: int
) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(_work(stack, findings, queue))
    except* PaidonceError as failures:
        raise failures.exceptions[0] from None


async def _work(stack: Stack, findings: Findings, queue: asyncio.Queue[_Task]) -> None:
    lane = await stack.lane()
    while not queue.empty():
        await _do(stack, lane, findings, queue.get_nowait())


async def _do(stack: Stack, lane: Lane, findings: Findings, task: _Task) -> None:
    try:
        async with stack.bench(lane, task.variant.name, task.settings) as bench:
            findings.met(bench)
            for scenario in task.scenarios:
                findings.add(await prove_cell(findings.plan, bench, task.variant, scenario))
    except PaidonceError as error:
        for scenario in task.scenarios:
            if (task.variant.name, scenario.name) not in findings.cells:
                findings.add(_broken(task.variant, scenario, error))


async def prove_cell(plan: Plan, bench: Bench, variant: Variant, scenario: Scenario) -> Cell:
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
    """What is declared of a cell."""
    return Status.INVALID if variant.name in scenario.breaks else Status.VALID


async def _run(plan: Plan, bench: Bench, variant: Variant, scenario: Scenario, number: int) -> Run:
    began = time.monotonic()
    relative = Path(HISTORIES) / variant.name / f"{scenario.name}-{number}.jsonl"
    await play_scenario(scenario, bench, plan.out / relative, seed=plan.seed)
    verdicts = await asyncio.to_thread(lambda: judge(read_history(plan.out / relative)))
    return Run(
        history=relative.as_posix(),
        status=merge(verdict.status for verdict in verdicts),
        verdicts=verdicts,
        seconds=time.monotonic() - began,
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


def _tasks(plan: Plan) -> list[_Task]:
    """One task for each variant and set of settings that reaches the service."""
    tasks = []
    for variant in plan.variants:
        groups: dict[tuple[tuple[str, str], ...], list[Scenario]] = {}
        for scenario in plan.scenarios:
            reaching = {k: v for k, v in scenario.settings.items() if k in plan.target.settings}
            groups.setdefault(tuple(sorted(reaching.items())), []).append(scenario)
        tasks += [
            _Task(variant, dict(settings), tuple(members)) for settings, members in groups.items()
        ]
    return tasks


def info(scenario: Scenario) -> ScenarioInfo:
    """A scenario as reports show it."""
    return ScenarioInfo(
        name=scenario.name,
        title=scenario.title,
        story=scenario.story,
        checkers=scenario.checkers,
    )


def machine(backends: Mapping[str, str]) -> Machine:
    """Where and with what this process runs."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count() or 1,
        python=platform.python_version(),
        paidonce=harness.__version__,
        backends=dict(sorted(backends.items())),
    )
