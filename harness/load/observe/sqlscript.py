"""One payment's SQL as a script of pgbench, that pays another order each time. Pure.

Two payments of two orders are recorded, each alone. What both said is part of the service; what
differs was made up for the one payment: the order's id, ids that the service or Stripe drew. In
the script it is made of a number ``:k`` that no two payments have in common, so that every payment
is of an order of its own and writes rows of its own, as the real ones do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from paidonce.harness.errors import PaidonceError

NUMBER = "CAST(:k AS bigint)"
"""The number of a payment, in SQL of a script; from 1."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DRAWN = 12
"""So many characters at the end of an id are what makes it another one."""
_WORDS = re.compile(r"[A-Za-z0-9_-]+|[^A-Za-z0-9_-]+")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_PLACE = re.compile(r"'(?:[^']|'')*'|\$(\d+)")
_WITHOUT_EFFECT = re.compile(r"\s*(?:DEALLOCATE|DISCARD|SET\s+SESSION\s+CHARACTERISTICS)\b", re.I)


class NotReplayable(PaidonceError):
    """A recording that a script cannot say again; the text says why."""


@dataclass(frozen=True)
class Said:
    """A statement as it was sent: its text, its parameters as text (None: NULL), and its tag."""

    sql: str
    params: tuple[str | None, ...]
    tag: str = ""


RoundTrip = tuple[Said, ...]
"""Statements that were sent together."""


@dataclass(frozen=True)
class Script:
    """``round_trips`` of SQL with ``NUMBER`` in it; ``tags`` is what the server said to each."""

    round_trips: tuple[tuple[str, ...], ...]
    tags: tuple[str, ...]

    @property
    def statements(self) -> tuple[str, ...]:
        """All of them, in order."""
        return tuple(sql for trip in self.round_trips for sql in trip)

    def text(self, clients: int) -> str:
        """The script's file. It wants ``-D i=0`` and so many clients."""
        lines = [f"\\set k :i * {clients} + :client_id + 1", "\\set i :i + 1"]
        for trip in self.round_trips:
            together = len(trip) > 1
            lines += ["\\startpipeline"] if together else []
            lines += [f"{sql};" for sql in trip]
            lines += ["\\endpipeline"] if together else []
        return "\n".join(lines) + "\n"


@dataclass
class _MadeUp:
    """The expressions for what differs, the same for the same thing."""

    orders: tuple[str, str]
    known: dict[str, str] = field(default_factory=dict)

    def of(self, first: str, second: str) -> str:
        """SQL (of type text) for a value that was ``first`` and then ``second``."""
        if first == second and self.orders[0] not in first:
            return literal(first)
        if first.isdecimal() and second.isdecimal():
            return f"CAST({int(first)} + {NUMBER} AS text)"
        ours, theirs = self._words(first, 0), self._words(second, 1)
        if len(ours) != len(theirs):
            raise NotReplayable(f"of two payments one sent {first!r} where the other {second!r}")
        pieces: list[str] = []
        constant = ""
        for one, other in zip(ours, theirs, strict=True):
            drawn = one == self.orders[0] or (one != other and not one.isdecimal())
            if not drawn:
                constant += one
                continue
            pieces += [literal(constant)] if constant else []
            pieces.append(self.known.setdefault(one, another(one)))
            constant = ""
        pieces += [literal(constant)] if constant else []
        return " || ".join(pieces)

    def _words(self, text: str, which: int) -> list[str]:
        order = self.orders[which]
        words: list[str] = []
        for number, piece in enumerate(text.split(order)):
            words += [order] if number else []
            words += _WORDS.findall(piece)
        return words


def script(
    first: Sequence[RoundTrip],
    second: Sequence[RoundTrip],
    orders: tuple[str, str],
    types: Mapping[str, Sequence[str]],
) -> Script:
    """The script for what was sent for the first and for the second of two ``orders``.

    ``types`` has for each SQL text the types of its parameters, as the server has them. Raises
    ``NotReplayable``.
    """
    if orders[0].isdecimal():
        raise NotReplayable("orders are told apart by numbers, which may mean anything in SQL")
    first, second = _with_effect(first), _with_effect(second)
    if [len(trip) for trip in first] != [len(trip) for trip in second]:
        raise NotReplayable("of two payments alone, one took another number of statements")
    made_up = _MadeUp(orders)
    trips, tags = [], []
    for ours, theirs in zip(first, second, strict=True):
        trip = []
        for one, other in zip(ours, theirs, strict=True):
            trip.append(_sql(one, other, made_up, types.get(one.sql, ())))
            tags.append(one.tag)
        trips.append(tuple(trip))
    if not trips:
        raise NotReplayable("a payment sent no SQL")
    return Script(tuple(trips), tuple(tags))


def another(word: str) -> str:
    """SQL (of type text) for an id like ``word``, another one for each ``NUMBER``."""
    keep = word[:-_DRAWN] if _UUID.fullmatch(word) or len(word) > 2 * _DRAWN else word
    return f"{literal(keep)} || lpad(to_hex({NUMBER}), {_DRAWN}, '0')"


def literal(text: str) -> str:
    """``text`` as an SQL literal that pgbench, which takes ``:name`` for a variable, leaves be."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3A")
    return "E'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"


def numbered(sql: str, number: str) -> str:
    """A statement of a script for one payment; ``number`` is SQL."""
    return sql.replace(NUMBER, f"CAST({number} AS bigint)")


def _with_effect(trips: Iterable[RoundTrip]) -> tuple[RoundTrip, ...]:
    kept = (tuple(s for s in trip if not _WITHOUT_EFFECT.match(s.sql)) for trip in trips)
    return tuple(trip for trip in kept if trip)


def _sql(one: Said, other: Said, made_up: _MadeUp, types: Sequence[str]) -> str:
    if ";" in _QUOTED.sub("", one.sql.rstrip().rstrip(";")):
        raise NotReplayable(f"several statements came in one text: {one.sql[:80]!r}")
    texts = _QUOTED.sub("''", one.sql), _QUOTED.sub("''", other.sql)
    if texts[0] != texts[1] or len(one.params) != len(other.params):
        raise NotReplayable(f"two payments sent different SQL: {one.sql[:80]!r}")
    quoted = iter(_QUOTED.findall(other.sql))

    def put(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return _value(match.group(0), next(quoted), made_up)
        at = int(match.group(1)) - 1
        if at >= len(one.params) or at >= len(types):
            raise NotReplayable(f"the type of ${at + 1} is not known in {one.sql[:80]!r}")
        ours, theirs = one.params[at], other.params[at]
        if (ours is None) != (theirs is None):
            raise NotReplayable(f"${at + 1} is NULL in one of two payments: {one.sql[:80]!r}")
        said = "NULL" if ours is None or theirs is None else made_up.of(ours, theirs)
        return f"CAST({said} AS {types[at]})"

    return " ".join(_PLACE.sub(put, one.sql.strip().rstrip(";")).split("\n"))


def _value(first: str, second: str, made_up: _MadeUp) -> str:
    plain = [text[1:-1].replace("''", "'") for text in (first, second)]
    said = made_up.of(plain[0], plain[1])
    # A literal alone keeps what the server makes of one whose type is not said.
    return said if " || " not in said else f"({said})"
