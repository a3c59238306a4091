"""Which statements one execution took for single moments, and which of its others overtake them.

See ``two_step``: that a statement is carried out and committed at once makes a difference to
another that begins in between. Both are met in one execution, in either order, where both can be
under way at once: who could be let go between the two can be let go after them as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.statement_footprint import StatementFootprint
from paidonce.harness.explore.footprint.sql.two_step import may_overtake, overtakes

Told = Callable[[frozenset[Resource]], frozenset[Resource]]
"""Locks, by columns that tell rows apart still (see ``changed_columns``)."""


class _Came(msgspec.Struct, frozen=True):
    """A statement, and by whom it was sent. ``unit`` is what the unit is called."""

    actor: str
    unit: str
    found: StatementFootprint
    one_snapshot: bool


@dataclass
class Moments:
    """Those of one execution. ``overtaken`` has the names of the units that were none."""

    told: Told
    overtaken: set[str] = field(default_factory=set)
    _taken: list[_Came] = field(default_factory=list)
    _others: list[_Came] = field(default_factory=list)

    def begin(self) -> None:
        """An execution begins."""
        self.overtaken = set()
        self._taken, self._others = [], []

    def came(
        self,
        actor: str,
        unit: str,
        statements: Sequence[StatementFootprint],
        *,
        one_snapshot: bool,
        moment: bool,
    ) -> None:
        """A unit came with these statements; ``moment`` if it commits what it does at once."""
        came = [
            _Came(actor, unit, statement, one_snapshot)
            for statement in statements
            if statement.locks or statement.tests
        ]
        if not came:  # whatever matters here locks something, or asks for locks
            return
        others = [one for one in came if may_overtake(one.found, one_snapshot=one_snapshot)]
        taken = [one for one in came if moment and one.found.locks]
        self._compare(self._taken, others)
        self._compare(taken, self._others)
        self._taken += [one for one in taken if one not in self._taken]
        self._others += [one for one in others if one not in self._others]

    def _compare(self, taken: Sequence[_Came], others: Sequence[_Came]) -> None:
        for first in taken:
            if first.unit not in self.overtaken and any(
                self._overtaken(first, second) for second in others
            ):
                self.overtaken.add(first.unit)

    def _overtaken(self, first: _Came, second: _Came) -> bool:
        if first.actor == second.actor:
            return False
        footprint, other = (
            msgspec.structs.replace(came.found, locks=self.told(came.found.locks))
            for came in (first, second)
        )
        return overtakes(other, footprint, one_snapshot=second.one_snapshot)
