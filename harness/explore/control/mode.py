"""The mode of a search: how the executions of a service are made, on every lane alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paidonce.harness.explore.control.failures import PlannedFailure
from paidonce.harness.explore.footprint.model import Column
from paidonce.harness.service.passing import Passing
from paidonce.harness.taps.faults import Crash


@dataclass(frozen=True, slots=True)
class Mode:
    """Things taken for granted of a service, and those learnt not to be so."""

    shared_memory: bool = False
    """True if attempts are taken to meet in the service's memory at every step."""
    late_answers: bool = False
    """True if every answer is delivered in a step of its own, which alone touches that memory."""
    in_turn: bool = False
    """True if attempts that do the same need begin in one order only."""
    late_locks: bool = False
    """True if statements that would only wait for a lock are deferred."""
    unnamed: frozenset[Column] = frozenset()
    """Columns whose values have no name: keys are told without them."""
    apart: frozenset[str] = frozenset()
    """Kinds of statements that are committed in a step of their own, whatever their text says."""
    split: frozenset[str] = frozenset()
    """Kinds of calls to Stripe that begin in a step of their own."""
    lists: frozenset[str] = frozenset()
    """Collections of Stripe's, and tables, of which it matters in which order they grow, and those
    columns ("table.column") whose values do not tell rows apart since somebody changes them."""
    hold_all: bool = False
    """True if every statement that could be is committed in a step of its own."""
    endless: frozenset[str] = frozenset()
    """The steps that attempts try over and over until granted, by label: they wait meanwhile."""
    each_try: frozenset[str] = frozenset()
    """The steps that attempts try over and over with every try a step of its own, by label."""
    put_back: bool = False
    """True if each execution begins with the tables as they were once the service was warm."""
    pairs: frozenset[tuple[str, str]] = frozenset()
    """Kinds of steps that were found not to commute."""
    lapse: Passing | None = None
    """The time that passes once in every execution, at any place, so that leases are over."""
    failures: frozenset[PlannedFailure] = frozenset()
    """The failures that happen in every execution, as far as they can."""
    sweeps_first: bool = False
    """True if recovery lets time pass and sweeps before clients ask again, and not after it."""
    every_crash: bool = False
    """True if a crash is tried before and after every step of others, whoever can tell."""

    @property
    def defers(self) -> bool:
        """Return True if statements are deferred: not where every step is one in memory."""
        return self.late_locks and not self.shared_memory

    @property
    def search_lags(self) -> bool:
        """Return whether Stripe's search sees nothing that attempts write until it catches up."""
        return self.lapse is not None and self.lapse.indexes

    @property
    def crashes(self) -> bool:
        """Return True if a process of the service is killed."""
        return any(isinstance(failure.fault, Crash) for failure in self.failures)


def what_is_known(modes: Iterable[Mode]) -> Mode:
    """The mode in which a search begins on lanes that were opened in ``modes``.

    What one of them is known to need they all need. How much is reduced is up to the search, and
    what it has learnt by itself is not kept.
    """
    known = list(modes)
    return Mode(
        shared_memory=any(mode.shared_memory for mode in known),
        late_answers=any(mode.late_answers for mode in known),
        unnamed=frozenset().union(*(mode.unnamed for mode in known)),
        apart=frozenset().union(*(mode.apart for mode in known)),
        split=frozenset().union(*(mode.split for mode in known)),
        endless=frozenset().union(*(mode.endless for mode in known)),
        each_try=frozenset().union(*(mode.each_try for mode in known)),
        put_back=any(mode.put_back for mode in known),
        lapse=next((mode.lapse for mode in known if mode.lapse), None),
    )
