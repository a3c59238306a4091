"""A plan of what is to be proved, and what has been found so far."""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from paidonce import harness
from paidonce.harness.backends.base import STAND_IN
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.proof.adversities import Ordeal
from paidonce.harness.proof.cell_search import VALIDATION, not_searched, why_not_searched
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Cell, Machine, Proof, ScenarioInfo, Survival, Variant
from paidonce.harness.results.searched import Searched
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.service.description import Target
from paidonce.harness.testbed.bench import Bench

HISTORIES = "histories"
"""Folder beside the report that holds the histories."""
WHOLE_S = 200.0
"""How long a whole proof should take, where searching is to take what is left of it."""
LEAST_S = 20.0
"""For searching, however long the rest takes."""


@dataclass(frozen=True)
class ProofPlan:
    """The plan of a proof: what is to be shown, of which variants, by which means. ``rounds``
    overrides every scenario's own number of rounds.

    ``search_seconds`` bounds the time for searching all cells together; 0 is for no search, None
    for what ``WHOLE_S`` leaves after playing and before ``after_seconds`` of other work.
    """

    target: Target
    variants: tuple[Variant, ...]
    scenarios: tuple[Scenario, ...]
    out: Path
    seed: int = 0
    rounds: int | None = None
    lanes: int = 2
    command: str = "paidonce prove"
    search_seconds: float | None = 0.0
    after_seconds: float = 0.0
    ordeals: tuple[Ordeal, ...] = ()
    failure_seconds: float = 0.0
    """For searching the variants under ``ordeals``, all together; 0 for none."""
    validation: Validation | None = VALIDATION
    """The budget for trying what each complete search relied on; a cell's share is for its
    search, and by default this may take as long again."""

    @property
    def searched(self) -> tuple[Scenario, ...]:
        """The scenarios to be searched."""
        if self.search_seconds == 0:
            return ()
        return tuple(s for s in self.scenarios if why_not_searched(s) is None)

    def time_to_search(self, elapsed: float) -> float:
        """Seconds for searching when it begins ``elapsed`` seconds after the proof."""
        if self.search_seconds is not None:
            return self.search_seconds
        return max(WHOLE_S - elapsed - self.after_seconds, LEAST_S)


@dataclass
class Findings:
    """The findings of a proof so far; ``on_cell`` is told of every cell as it ends."""

    plan: ProofPlan
    on_cell: Callable[[Cell], None] = lambda cell: None
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    backends: dict[str, str] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)
    survivals: list[Survival] = field(default_factory=list)
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

    def searched(
        self, variant: str, scenario: str, search: Searched, *, final: bool = True
    ) -> None:
        """The search of a cell that was played has ended, for now if it is not ``final``."""
        cell = msgspec.structs.replace(self.cells[variant, scenario], search=search)
        self.cells[variant, scenario] = cell
        if final:
            self.on_cell(cell)

    def _with_reason(self, cell: Cell, scenario: Scenario) -> Cell:
        """``cell``, saying why it was not searched if it was not."""
        if cell.search is not None or self.plan.search_seconds == 0 or not cell.runs:
            return cell
        reason = why_not_searched(scenario) or "the proof was interrupted before it was done"
        return msgspec.structs.replace(cell, search=not_searched(reason))

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
                self._with_reason(self.cells[variant.name, scenario.name], scenario)
                for variant in plan.variants
                for scenario in plan.scenarios
                if (variant.name, scenario.name) in self.cells
            ),
            adversities=tuple(ordeal.adversity for ordeal in plan.ordeals if self.survivals),
            survivals=tuple(self.survivals),
            loads=tuple(self.loads),
            interrupted=self.interrupted,
        )


def info(scenario: Scenario) -> ScenarioInfo:
    """A scenario as reports show it."""
    return ScenarioInfo(
        name=scenario.name,
        title=scenario.title,
        story=scenario.story,
        checkers=scenario.checkers,
    )


def machine(backends: Mapping[str, str]) -> Machine:
    """Return where and with what this process runs."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count() or 1,
        python=platform.python_version(),
        paidonce=harness.__version__,
        backends=dict(sorted(backends.items())),
        stand_ins=tuple(sorted(role for role, what in backends.items() if STAND_IN in what)),
    )
