"""A kind of scheduler, with all it takes to choose it by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paidonce.harness.explore.search.types import Scheduler


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The extent of a search, for schedulers that do not go all the way; each takes what it needs.

    ``runs`` is how many executions are drawn, all of which follow from ``seed``; ``switches`` how
    many context switches there are at most.
    """

    seed: int = 0
    runs: int = 1
    switches: int = 0


@dataclass(frozen=True, kw_only=True)
class SchedulerKind:
    """One way to choose executions. ``summary`` says for a list of them which it makes.

    ``reduces`` tells that it leaves out executions because footprints say that they do not differ,
    so that what footprints rely on is to be tried.
    """

    name: str
    summary: str
    make: Callable[[Extent], Scheduler]
    reduces: bool = False
