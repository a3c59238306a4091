"""Times by which attempts tell each other apart: two that read a clock in one moment are equal.

A search lets one attempt move at a time, so that no two of them ever read a clock at the same
moment: a token that is the time in milliseconds is then as good as a random one, and in production
it is not. Where a service lets it depend on whether two times are equal, a search says nothing
about that case, and must not be called complete. That is so where

* a statement compares a column for equality with a time of this execution (an optimistic update
  whose version is ``updated_at``), or
* an attempt has written a time and then looks at just that value, as it is in a row or under a key
  of Redis: it asks whether its own is there.

A time that is only written, or read beside all the rest of a row, decides nothing. Nor does one
that is compared, but was there before any attempt moved, and is finer than a second: what attempts
read from the clock is later, however alike they are among themselves. So it is with an optimistic
lock whose version is ``updated_at``, as long as who compares was told the version before anybody
wrote one. A time cut to the second or coarser may come again: an order is made and paid within one.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from paidonce.harness.explore.footprint.sql.compared_times import equalities
from paidonce.harness.taps.postgres import Statement

_NEAR_S = 61.0
"""How far from the execution a time may be: it may be cut to the second or to the minute."""
_ZONES_S = 15 * 3600
_NUMBER = re.compile(r"1[6-9][0-9]{8}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.[0-9]+)?")
_WRITTEN = re.compile(
    r"(20[0-9]{2}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,]([0-9]+))?"
    r" ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
MAY_BE_TIMED = re.compile(r"1[6-9][0-9]{8}|20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ]")
"""The beginning of whatever ``moments_in`` knows, and of other texts."""
SHORTEST_TIME = 10
"""Characters of the shortest text that any of these is found in."""
_LOOKS = ("SELECT", "WITH", "TABLE")
_CHANGES_NOTHING = (
    *(*_LOOKS, "BEGIN", "START", "SET", "SHOW", "COMMIT", "END", "ROLLBACK"),
    *("ABORT", "SAVEPOINT", "RELEASE", "DISCARD", "DEALLOCATE"),
)


Rows = Sequence[Sequence[str | None]]
"""Rows of an answer as text, by column."""


class Clocks(Protocol):
    """The clocks of a service, as far as they are known from one execution to the next."""

    fine: set[str]
    """Columns in which times finer than a second were found. One of a thousand times to the
    millisecond is whole seconds by chance, and its column tells that it is."""


class Times:
    """The times that attempts send and are answered in one execution.

    ``began`` is when that began, in seconds since 1970; ``beforehand`` are values that are known
    from preparing it.
    """

    def __init__(self, began: float, clocks: Clocks, beforehand: Iterable[str] = ()) -> None:
        self._began = began
        self._clocks = clocks
        self._written: dict[str, set[float]] = {}
        self._before = {moment for value in beforehand for moment in moments_in(value)}
        self._moved: float | None = None
        self._changed = False

    def moved(self) -> None:
        """Somebody sends anything: from now on times are made."""
        if self._moved is None:
            self._moved = time.time()

    def wrote(self, actor: str, texts: Iterable[str]) -> None:
        """``actor`` stores these texts somewhere."""
        self.moved()
        for text in texts:
            self._wrote(actor, text)

    def runs(self, actor: str, statements: Iterable[Statement]) -> str | None:
        """``actor`` sends statements; returns what is compared with a time, if anything is."""
        self.moved()
        for statement in statements:
            if _may_be_timed(statement):
                compared = _compared(statement)
                for column, text in compared:
                    if self._decides(column, text):
                        return f"compares {column} with the time"
                if not _looks(statement):
                    for value in {*statement.params} - {text for _, text in compared}:
                        self._wrote(actor, value or "")
            self._changed = self._changed or not _changes_nothing(statement.sql)
        return None

    def asked(self, actor: str, text: str) -> bool:
        """Return whether what ``actor`` asked for, and was answered, may be a time of its own."""
        return bool(self._written.get(actor)) and self._known(text)

    def rows(
        self, actor: str, statements: Sequence[Statement], columns: Sequence[str], rows: Rows
    ) -> str | None:
        """``actor`` is answered rows; returns what it asks for that may be a time of its own."""
        if not self._changed:
            self._found(rows)
        if not self._written.get(actor) or not statements or not all(map(_looks, statements)):
            return None
        for row in rows:
            timed = [
                column
                for column, value in zip(columns, row, strict=False)
                if value is not None and self._known(value)
            ]
            others = [column for column in columns if column not in timed]
            if timed and all(_tells_which(column) for column in others):
                return f"asks for the time in {timed[0]}"
        return None

    def _decides(self, column: str, text: str) -> bool:
        """Return whether two attempts that read a clock in one moment may be told apart by
        comparing ``column`` with this."""
        moments = [moment for moment in moments_in(text) if self._now(moment)]
        if not moments:
            return False
        if any(map(_fine, moments)):
            self._clocks.fine.add(column)
        return self._before.isdisjoint(moments) or column not in self._clocks.fine

    def _found(self, rows: Rows) -> None:
        """Nobody has written anything yet, so that what is read was there beforehand; unless it
        comes of a function, which may have written it just now."""
        for row in rows:
            for value in row:
                if value is not None and len(value) >= SHORTEST_TIME and MAY_BE_TIMED.match(value):
                    moved = self._moved or 0.0
                    self._before.update(moment for moment in moments_in(value) if moment < moved)

    def _wrote(self, actor: str, text: str) -> None:
        self._written.setdefault(actor, set()).update(filter(self._now, moments_in(text)))

    def _known(self, text: str) -> bool:
        """Return whether this is a time that some attempt has written."""
        moments = set(moments_in(text))
        return any(not moments.isdisjoint(written) for written in self._written.values())

    def _now(self, moment: float) -> bool:
        return self._began - _NEAR_S <= moment <= time.time() + _NEAR_S


def _compared(statement: Statement) -> tuple[tuple[str, str], ...]:
    """Columns, and the values that they are compared with for equality."""
    found = []
    for column, value in equalities(statement.sql):
        if isinstance(value, int):
            known = 0 < value <= len(statement.params)
            text = (statement.params[value - 1] if known else None) or ""
        else:
            text = value
        found.append((column, text.strip("{}")))
    return tuple(found)


def _may_be_timed(statement: Statement) -> bool:
    return _text_may_be_timed(statement.sql) or sends_a_time(statement.params)


def sends_a_time(params: Iterable[str | None]) -> bool:
    """Return whether any parameter may be a time."""
    for value in params:  # asked of every statement: few values are as long as that
        if value is not None and len(value) >= SHORTEST_TIME and MAY_BE_TIMED.search(value):
            return True
    return False


@functools.lru_cache(maxsize=1024)
def _text_may_be_timed(sql: str) -> bool:
    return MAY_BE_TIMED.search(sql) is not None


def _looks(statement: Statement) -> bool:
    return _text_looks(statement.sql)


@functools.lru_cache(maxsize=1024)
def _text_looks(sql: str) -> bool:
    words = sql.lstrip(" (\n\t").upper()
    return words.startswith(_LOOKS) and not any(
        verb in words for verb in ("INSERT ", "UPDATE ", "DELETE ")
    )


@functools.lru_cache(maxsize=1024)
def _changes_nothing(sql: str) -> bool:
    words = sql.lstrip(" (\n\t").upper()
    if words.startswith(_LOOKS):
        return _text_looks(sql)
    return not words or words.startswith(_CHANGES_NOTHING)


def _fine(moment: float) -> bool:
    """Return whether a time is finer than a second."""
    return round(moment % 1, 6) not in (0.0, 1.0)


def _tells_which(column: str) -> bool:
    return column == "id" or column.endswith(("_id", "Id", "key"))


def moments_in(text: str) -> tuple[float, ...]:
    """Return the times that a text may stand for, in seconds since 1970; where it does not say in
    which time zone, all of them."""
    if len(text) < SHORTEST_TIME or text[0] not in "12":
        return ()
    return _moments_of(text)


@functools.lru_cache(maxsize=1024)
def _moments_of(text: str) -> tuple[float, ...]:
    if _NUMBER.fullmatch(text):
        whole = text.partition(".")[0]
        return (round(float(text) / 10 ** (len(whole) - 10), 6),)
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return ()
    day, clock, fraction, zone = match.groups()
    said = f"{day}T{clock if clock.count(':') == 2 else clock + ':00'}"
    try:
        if zone is not None:
            moment = datetime.fromisoformat(said + _offset(zone)).timestamp()
        else:
            moment = datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return ()
    moment += float(f"0.{fraction}") if fraction else 0.0
    if zone is not None:
        return (round(moment, 6),)
    return tuple(round(moment + shift, 6) for shift in range(-_ZONES_S, _ZONES_S + 1, 1800))


def _offset(zone: str) -> str:
    if zone == "Z":
        return "+00:00"
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return f"{zone[0]}{digits[:2]}:{digits[2:]}"
