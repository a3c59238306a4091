"""Which statements of an execution look several times, and whether what others did tears them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.looks import ChangedRows, Look, keep_out, torn
from paidonce.harness.explore.footprint.sql.statement_footprint import StatementFootprint


@dataclass(frozen=True)
class _Looking:
    """A statement that looks several times, with the locks its sender held by then."""

    actor: str
    unit: str
    looks: tuple[Look, ...]
    holds: frozenset[Resource]


@dataclass
class Gaps:
    """Those of one execution."""

    _looking: dict[_Looking, None] = field(default_factory=dict)
    _done: list[tuple[str, ChangedRows]] = field(default_factory=list)
    _open: dict[str, tuple[str, ChangedRows]] = field(default_factory=dict)
    """By session, what the transaction there has done so far."""
    _expected: dict[str, StatementFootprint] = field(default_factory=dict)
    """By session, the one statement that has not been answered yet."""

    def begin(self) -> None:
        """An execution begins."""
        self._looking, self._done, self._open, self._expected = {}, [], {}, {}

    def came(
        self,
        actor: str,
        session: str,
        unit: str,
        statements: Sequence[StatementFootprint],
        *,
        inside: bool,
        over: bool,
        one_snapshot: bool,
    ) -> None:
        """A unit came with these statements; a transaction is open before it if ``inside``, and
        none after it if ``over``."""
        if not inside:
            self._end(session)
        _, change = self._open.setdefault(session, (actor, ChangedRows()))
        for statement in statements:
            if statement.several and not one_snapshot:
                self._looking[_Looking(actor, unit, statement.several, change.holds)] = None
            change.writes |= statement.writes | statement.at_once
            change.adds |= statement.adds
            change.arrives |= statement.arrives
            change.goes |= statement.goes
            change.locks |= statement.locks | statement.session
            if statement.kind == "rollback to":
                change.holds = frozenset()
        self._expected.pop(session, None)
        if over:
            if statements and statements[-1].kind == "rollback":
                change.writes = change.adds = change.arrives = change.goes = frozenset()
            self._end(session)
        elif len(statements) == 1:
            self._expected[session] = statements[0]

    def answered(self, session: str, *, rows: bool) -> None:
        """The unit on the session is through; ``rows`` if it found any."""
        footprint = self._expected.pop(session, None)
        if footprint is not None and session in self._open:
            _, change = self._open[session]
            change.holds |= footprint.surely | (footprint.surely_if_found if rows else frozenset())

    def torn(self) -> set[str]:
        """Return the names of the units between whose looks others did something that matters."""
        done = [*self._done, *self._open.values()]
        return {
            one.unit
            for one in self._looking
            if torn(
                one.looks,
                [
                    change
                    for actor, change in done
                    if actor != one.actor and not keep_out(one.holds, change.holds)
                ],
            )
        }

    def _end(self, session: str) -> None:
        if session in self._open:
            self._done.append(self._open.pop(session))
