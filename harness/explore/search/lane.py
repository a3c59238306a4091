"""Makes one plan's execution in a lane, again where it said nothing: the work of a lane.

What becomes of it is plain data, so that the lane may be in another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from paidonce.harness.explore.search.determinism import Recheck
from paidonce.harness.explore.search.execute import execute
from paidonce.harness.explore.search.types import (
    SERVINGS,
    Nondeterministic,
    Plan,
    Run,
    ServedAnother,
)
from paidonce.harness.explore.search.unnamed import Unnamed
from paidonce.harness.explore.search.world import InvalidRun, Worlds

_IN_TURN = 6
"""How often it is tried with those who wait served in turn: somebody may wait for more than what
another is given."""


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The result of a plan: its run, None if every try was invalid; and why those were."""

    run: Run | None
    invalid: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """The care with which executions are made: how often an invalid one is made again, and which
    ones are made twice to compare."""

    retries: int = 2
    recheck: Recheck | None = None
    learns: bool = False
    """True if ``Unnamed`` is raised, for whoever knows what to do about it."""


class Gone(Exception):
    """Whoever was to make an execution is gone, and nobody else is there to do it instead."""


class Elsewhere(Protocol):
    """Lanes outside this process."""

    @property
    def lanes(self) -> int:
        """Return how many plans can be worked on at a time."""
        ...

    async def make(self, plan: Plan, care: Repetition) -> PlanResult:
        """Have ``plan`` made by one of the lanes, and by another one should that be lost.

        Raises ``Gone`` when none is left.
        """
        ...


async def make(worlds: Worlds, plan: Plan, care: Repetition) -> PlanResult:
    """Execute ``plan`` until an execution of it is valid, or has been tried often enough.

    Whatever escapes from a world other than ``InvalidRun`` is raised, and ``Unnamed`` where there
    is somebody to learn from it.
    """
    invalid: list[str] = []
    served_another = 0
    while len(invalid) - served_another <= care.retries:
        try:
            run = await execute(worlds, plan, in_turn=served_another < _IN_TURN)
            if care.recheck is not None:
                await care.recheck.check(worlds, run)
        except Nondeterministic as error:
            return PlanResult(None, (*invalid, str(error)))
        except ServedAnother as error:
            invalid.append(str(error))
            served_another += served_another < SERVINGS
        except InvalidRun as error:
            if care.learns and isinstance(error, Unnamed):
                raise
            invalid.append(str(error))
        else:
            return PlanResult(run, tuple(invalid))
    return PlanResult(None, tuple(invalid))
