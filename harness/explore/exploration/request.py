"""The order for an exploration, and the result."""

from __future__ import annotations

from dataclasses import dataclass, field

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.deadlines import WATCH_S, Patience
from paidonce.harness.explore.failure.plans import Chosen
from paidonce.harness.explore.search import Ahead, Budget, Foretold, Scheduler, SearchResult
from paidonce.harness.explore.search.schedulers import DEFAULT, Extent, kind_of
from paidonce.harness.explore.search.shrink import Shrunk
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.explore.witness.file import Witness
from paidonce.harness.history import History
from paidonce.harness.service.script import Script

DEFAULT_RUNS = 100
"""How many executions random walks and PCT make when no budget says so."""


@dataclass(frozen=True)
class SearchRequest:
    """The order for an exploration: what to search, how, and for how long."""

    scenario: Script
    variant: str
    search: str = DEFAULT
    """The scheduler's name among ``SCHEDULERS``."""
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    lanes: int = 1
    recheck: float = 0.0
    switches: int = 2
    """For ``bounded``: how many context switches at most."""
    stop_at_first: bool = True
    noise: tuple[str, ...] = ()
    watch: float = WATCH_S
    """Seconds for which the service is watched, to learn what it does by itself."""
    patience: Patience = field(default_factory=Patience)
    shrink: Budget | None = None
    """The budget for making a counterexample smaller; None leaves it as it was found."""
    validation: Validation | None = field(default_factory=Validation)
    """The budget for trying what a complete search relied on; None for nothing."""
    warm_beside: bool = False
    """True if watching the service and warming it up is no part of the budget."""
    memory: bool = False
    """True if attempts are taken to share memory from the start."""
    faults: int = 0
    """How many failures there are in an execution at most."""
    every_crash: bool = False
    """True if crashes that come to the same are made each."""
    both_orders: bool = True
    """True if one attempt alone recovers from each failure with sweeps first as well."""
    failing: Chosen | None = None
    """The failures that are made, of those that are possible; None for those the script says."""
    first: tuple[Ahead, ...] = ()
    """Orders to try before all others; what is complete does not depend on them."""


@dataclass(frozen=True)
class Explored:
    """The result of an exploration: that of the search and, for a counterexample, how it can be
    shown."""

    request: SearchRequest
    result: SearchResult
    witness: Witness | None = None
    history: History | None = None
    notes: tuple[str, ...] = ()
    """More that is to be known of the service, a sentence each."""
    shrunk: Shrunk | None = None
    """The counterexample made smaller, where that was asked for."""
    backends: dict[str, str] = field(default_factory=dict)
    """The backends it ran with, and their versions, by role."""


def scheduler(request: SearchRequest) -> Scheduler:
    """Return the scheduler that was asked for, after the orders to be tried first.

    Raises ``UsageError`` where there is none of that name.
    """
    extent = Extent(
        seed=request.seed,
        runs=request.budget.schedules or DEFAULT_RUNS,
        switches=request.switches,
    )
    asked = kind_of(request.search).make(extent)
    return Foretold(request.first, asked) if request.first else asked


def exit_code(result: SearchResult) -> int:
    """Return 0 if it is complete without a counterexample, 1 with one, 3 if it is not decided."""
    return result.ending.status.exit_code


def budget_of(text: str | None) -> Budget:
    """Read a budget as a person writes it: ``500`` schedules, ``30s`` or ``2m``.

    Raises ``UsageError``.
    """
    if text is None:
        return Budget()
    unit = text[-1:] if text.endswith(("s", "m")) else ""
    number = text.removesuffix(unit)
    try:
        value = float(number)
    except ValueError:
        raise UsageError(
            f"--budget: expected a number of schedules (500) or a time (30s, 2m), got {text!r}"
        ) from None
    if unit:
        return Budget(seconds=value * (60 if unit == "m" else 1))
    return Budget(schedules=int(value))
