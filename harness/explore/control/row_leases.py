"""Rows that are taken until a time: statements that compare a column with the clock and set it.

The clock is Postgres's own, or that of the service, which then sends a time of now. One statement
may do both (``UPDATE``, or ``ON CONFLICT DO UPDATE``); or one looks for what has run out, and locks
it or deletes it, and another one of the same table takes it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.control.time_expressions import LONGEST_S, TimeExpression
from paidonce.harness.explore.control.timed_statements import reading


@dataclass
class RowLeases:
    """Follows the statements of attempts."""

    _freed: dict[str, set[str]] = field(default_factory=dict)
    """By table, columns by which rows that had run out were deleted."""
    _looked: dict[str, set[str]] = field(default_factory=dict)
    """By table, columns by which rows that had run out were locked."""

    @property
    def known(self) -> int:
        """Return how many columns are known by which what had run out was found: with more of them
        the same statement may say something else."""
        return sum(map(len, (*self._freed.values(), *self._looked.values())))

    def saw(self, sql: str, params: Sequence[str | None] = ()) -> tuple[str, str] | None:
        """Return the table and the column by which a statement takes a row until a time; None if it
        does not."""
        if not (timed := reading(sql).statements):
            return None
        now = time.time()
        for statement in timed:
            compares = _timed_by(statement.compares, params, now)
            match statement.verb:
                case "delete":
                    self._freed.setdefault(statement.table, set()).update(_short(compares))
                case "look":
                    self._looked.setdefault(statement.table, set()).update(_short(compares))
            free = set(compares)
            if statement.verb == "insert":
                freed = self._freed.get(statement.table, set())
                if not freed:
                    continue
                sets = _timed_by(statement.sets, params, now)
                taken = freed & ({*_short(sets)} | (freed - statement.names))
                if taken:
                    return statement.table, min(taken)
            elif statement.verb == "update":
                free |= self._looked.get(statement.table, set())
            if not free:
                continue
            sets = _timed_by(statement.sets, params, now)
            for column in sorted(free & set(sets)):
                lasting = [*compares.get(column, ()), *sets[column]]
                if _is_short(lasting):
                    return statement.table, column
        return None


@functools.lru_cache(maxsize=1024)
def sets_times(sql: str) -> bool:
    """Return whether a statement sets any column to what may be a time: to anything that is sent
    with it, or is said in it."""
    sets = [said for statement in reading(sql).statements for _, said in statement.sets]
    return any(said.asks or said.numbers or said.texts for said in sets)


def columns_timed(sql: str, params: Sequence[str | None], now: float) -> frozenset[str]:
    """Return the columns that a statement sets to a time within minutes of ``now``."""
    return frozenset(
        column
        for statement in reading(sql).statements
        for column, lasting in _timed_by(statement.sets, params, now).items()
        if _is_short(lasting)
    )


def times_set(
    sql: str, params: Sequence[str | None], now: float
) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the tables whose rows a text changes, each with the columns that it sets to a time
    within minutes of ``now``."""
    return tuple(
        (
            statement.table,
            frozenset(
                c
                for c, lasting in _timed_by(statement.sets, params, now).items()
                if _is_short(lasting)
            ),
        )
        for statement in reading(sql).statements
        if statement.verb in ("update", "upsert")
    )


def columns_set(sql: str) -> frozenset[tuple[str, str]]:
    """Return the columns that the UPDATEs of a text set, each with its table."""
    return frozenset(
        (statement.table, column)
        for statement in reading(sql).statements
        if statement.verb == "update"
        for column, _ in statement.sets
    )


def _timed_by(
    pairs: Iterable[tuple[str, TimeExpression]], params: Sequence[str | None], now: float
) -> dict[str, list[float]]:
    """Return the columns that have to do with the clock, with the seconds that each lasts."""
    return {
        column: list(said.seconds(params, now))
        for column, said in pairs
        if said.clocked(params, now)
    }


def _short(columns: dict[str, list[float]]) -> Iterable[str]:
    return [column for column, lasting in columns.items() if _is_short(lasting)]


def _is_short(lasting: Sequence[float]) -> bool:
    return not lasting or min(lasting) <= LONGEST_S
