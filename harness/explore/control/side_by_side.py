"""Several units that one attempt sends at once, as ``asyncio.gather`` and ``Promise.all`` do.

A search lets them go one after the other, in one order: those first that nobody minds. That is as
good as any other order as long as all but the last of them commute with whatever comes after them,
of others and of the attempt's own: each could as well have been carried out later. Where one does
not, the other orders were not tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from paidonce.harness.explore.control.attempts import Arrival
from paidonce.harness.explore.footprint.model import Footprint

_RANK = {"stripe": 0, "redis": 1, "postgres": 2}


@dataclass
class AtOnce:
    """The knowledge of a service's units that are sent at once, on one bench."""

    found: bool = False
    """True once any attempt was seen to do so: then its units are waited for."""
    minded: set[str] = field(default_factory=set)
    """Labels of those that others mind: they go last."""

    def order(self, held: list[Arrival]) -> None:
        """Put units in the order in which they are let go; which came first is chance."""
        if len(held) > 1:
            held.sort(
                key=lambda arrival: (
                    arrival.label in self.minded,
                    _RANK.get(arrival.call.tap, 0),
                    arrival.label,
                )
            )


class _Step(NamedTuple):
    actor: str
    label: str
    footprint: Footprint
    beside: str
    """The label of a unit that its attempt had sent at once with it, and that went later."""


@dataclass
class SideBySide:
    """The steps of one execution."""

    known: AtOnce = field(default_factory=AtOnce)
    _steps: list[_Step] = field(default_factory=list)
    _any: bool = False
    """True if units were sent at once."""

    def made(self, actor: str, label: str, footprint: Footprint, beside: str = "") -> None:
        """``actor`` has made a step."""
        self._steps.append(_Step(actor, label, footprint, beside))
        self._any = self._any or bool(beside)

    def learn(self) -> frozenset[str]:
        """Return the labels of units of which it is new that others mind them: all of them go last
        from now on, so that this execution says nothing."""
        new = frozenset({step.label for step in self._all_minded()} - self.known.minded)
        self.known.minded |= new
        return new

    def untried(self) -> Iterator[tuple[str, str, str]]:
        """Yield attempts, and two units each that might have been carried out in the other order,
        and not to the same end."""
        for step in self._all_minded():
            yield step.actor, step.label, step.beside

    def _all_minded(self) -> list[_Step]:
        if not self._any:
            return []
        return [one for at, one in enumerate(self._steps) if one.beside and self._minded(at, one)]

    def _minded(self, number: int, step: _Step) -> bool:
        """Return whether the step does not commute with all that others do, or what comes later."""
        return any(
            step.footprint.conflicts(one.footprint)
            for at, one in enumerate(self._steps)
            if one.actor != step.actor or at > number
        )
