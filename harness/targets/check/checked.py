"""The plan of a check, and the results as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from paidonce.harness.checkers import target_checkers
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.predict import (
    Decided,
    Looked,
)
from paidonce.harness.proof.plan import machine
from paidonce.harness.results.proof import Cell, Proof, ScenarioInfo, Variant
from paidonce.harness.targets.run.script import TargetScript
from paidonce.harness.targets.run.subject import TargetSubject


class Doing(Protocol):
    """Takes what is being done; what is ``of`` the same goes on, with other numbers."""

    def __call__(self, text: str, /, *, of: str | None = None) -> None: ...


@dataclass(frozen=True)
class CheckPlan:
    """The plan of a check. ``seconds`` is for all variants together, once all is built and their
    databases are migrated."""

    subject: TargetSubject
    script: TargetScript
    variants: tuple[Variant, ...]
    out: Path
    seconds: float
    bound_by: str = ""
    """The option or key that says how many, in words."""
    seed: int = 0
    lanes: int = 1
    validation: Validation | None = field(default_factory=Validation)
    """The budget for trying what a complete search relied on."""
    faults: int | None = None
    """How many failures there are in an execution at most; None for none in what is claimed, and
    one where one attempt is tried alone beside it."""
    expect_sound: bool = False
    """Every variant is to hold, whatever the file claims of it."""
    command: str = "paidonce check"


@dataclass
class Checked:
    """The results of a check so far. ``notes`` are by variant: what could not be controlled, and
    more.

    ``unusable`` are the variants whose set-up is wrong: nothing was decided of them.
    """

    plan: CheckPlan
    cells: dict[str, Cell] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    predictions: dict[str, tuple[Decided, ...]] = field(default_factory=dict)
    """By variant: what its attempts alone gave reason to expect, and what came of each."""
    looked: dict[str, Looked] = field(default_factory=dict)
    """By variant: what the predictions are from, and what they could not judge."""
    unusable: set[str] = field(default_factory=set)
    backends: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    began: float = field(default_factory=time.monotonic)
    started: str = ""
    doing: Doing = lambda text, *, of=None: None
    tell: Callable[[str], None] = lambda line: None
    """Takes a line that stays: what is known of a variant before all others are through."""

    def proof(self, stack: str = "") -> Proof:
        """Return all of it, as reports take it."""
        plan = self.plan
        return Proof(
            started=self.started,
            seconds=time.monotonic() - self.began,
            seed=plan.seed,
            command=plan.command,
            machine=machine(self.backends),
            variants=plan.variants,
            scenarios=(info(plan.script),),
            cells=tuple(self.cells[v.name] for v in plan.variants if v.name in self.cells),
            interrupted=self.interrupted,
            stack=stack,
            noun="variant",
        )


def info(script: TargetScript) -> ScenarioInfo:
    """Return the attempts as reports show a scenario."""
    file = script.loaded.file
    parts = []
    for attempt in script.clients:
        steps = ", then ".join(
            step.delivers or step.request or step.words for step in attempt.steps
        )
        parts.append(f"{attempt.name}: {steps}.")
    story = " ".join([*parts, *(f"{i.name}: {i.condition}." for i in file.invariants)])
    return ScenarioInfo(
        name=script.name, title=file.title or file.name, story=story, checkers=target_checkers()
    )
