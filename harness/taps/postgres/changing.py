"""Changes statements on their way to Postgres: one for another, or one more before it.

A client notices nothing of it but what the server makes of the changed statement: names, parameters
and their types are those it has sent. A statement that goes before another is a unit of the tap's
own, in the transaction that the client has opened.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from paidonce.harness import sql_trees
from paidonce.harness.taps.changes import Preceded, Replaced, StatementChange
from paidonce.harness.taps.postgres import fields, frontend
from paidonce.harness.taps.postgres.assembler import Prepared
from paidonce.harness.taps.postgres.frames import Frame
from paidonce.harness.taps.postgres.rewrite import AsSimple, in_transaction
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.units import Unit
from paidonce.harness.taps.postgres.values import formats_of

_PARSE, _QUERY = ord("P"), ord("Q")
_ENDS_UNIT = frozenset(b"QFSH")
_BINARY = 1
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_BEGINS = frozenset({("BEGIN",), ("START",)})
_NAME = "paidonce before "
"""The beginning of the names of prepared statements and portals of the tap's own."""


@dataclass(frozen=True)
class _Wanted:
    """A change, and the words of its statement: those that may be any are None."""

    change: StatementChange
    words: tuple[str | None, ...]

    def values(self, words: Sequence[str]) -> dict[str, str] | None:
        """Return what stands where it may differ, by what stood there; None if it is another
        statement."""
        if len(words) != len(self.words):
            return None
        if any(one not in (None, other) for one, other in zip(self.words, words, strict=True)):
            return None
        seen = words_of(self.change.sql)
        return {seen[at]: words[at] for at in self.change.differing}


class Changing:
    """The changes of statements that a tap makes, and which of them came."""

    def __init__(self, changes: Iterable[StatementChange]) -> None:
        self._exact: dict[str, list[StatementChange]] = {}
        self._differing: list[_Wanted] = []
        self._made: dict[str, Replaced] = {}
        self._numbers = itertools.count(1)
        self.came: Counter[StatementChange] = Counter()
        """How often each was made in a statement of an attempt's."""
        self.passed: Counter[StatementChange] = Counter()
        """How often each was made, whoever sent the statement."""
        for change in changes:
            if change.differing:
                words = words_of(change.sql)
                free = [None if n in change.differing else word for n, word in enumerate(words)]
                self._differing.append(_Wanted(change, tuple(free)))
            else:
                self._exact.setdefault(_plain(change.sql), []).append(change)

    def __bool__(self) -> bool:
        return bool(self._exact or self._differing)

    def replaced(self, frames: Sequence[Frame]) -> list[Frame]:
        """The client's messages as they are sent on."""
        return [self._frame(frame) if frame.kind in (_PARSE, _QUERY) else frame for frame in frames]

    def before(self, unit: Sequence[Frame], known: Mapping[str, Prepared]) -> Before | None:
        """Return what is to be sent before a unit of the client's, in its transaction; None for
        nothing. ``known`` are the statements that its session has prepared."""
        parsed: dict[str, Prepared] = {}
        for frame in unit:
            message = frontend.decode(frame)
            match message:
                case frontend.Query(sql):
                    if (found := self._wanted(sql, Preceded)) is not None:
                        change, by = found
                        if not _parameters(by):
                            return self._made_before(change, by, (), (), ())
                case frontend.Parse(name, sql, types):
                    parsed[name] = Prepared(sql, name, types)
                case frontend.Bind(_, statement, formats, values):
                    prepared = parsed.get(statement) or known.get(statement)
                    if prepared is None:
                        continue
                    if (found := self._wanted(prepared.sql, Preceded)) is not None:
                        all_formats = tuple(formats_of(formats, len(values)))
                        return self._made_before(*found, prepared.types, all_formats, values)
                case _:
                    pass
        return None

    def ran(self, unit: Unit) -> None:
        """Take note of a unit that was carried out."""
        for statement in unit.statements:
            if (change := self._made.get(statement.sql)) is not None:
                self.passed[change] += 1
                if unit.attempt is not None:
                    self.came[change] += 1

    # --- the parts ------------------------------------------------------------------------

    def _frame(self, frame: Frame) -> Frame:
        message = frontend.decode(frame)
        match message:
            case frontend.Query(sql) if (by := self._text(sql)) is not None:
                raw = fields.message(b"Q", fields.string(by))
            case frontend.Parse(name, sql, types) if (by := self._text(sql)) is not None:
                oids = b"".join(map(fields.oid, types))
                raw = fields.message(
                    b"P", fields.string(name), fields.string(by), fields.count16(len(types)), oids
                )
            case _:
                return frame
        return Frame(frame.kind, raw, frame.offset)

    def _text(self, sql: str) -> str | None:
        """The text that is sent for another one; None where it stays as it is."""
        if (found := self._wanted(sql, Replaced)) is not None:
            return self._made_of(*found)
        if ";" not in _plain(sql):
            return None
        try:
            parts = sql_trees.split(sql)
        except sql_trees.ParseError:
            return None
        several = [self._wanted(part, Replaced) for part in parts]
        if not any(several):
            return None
        texts = [p if f is None else self._made_of(*f) for p, f in zip(parts, several, strict=True)]
        return "; ".join(texts)

    def _made_of(self, change: StatementChange, by: str) -> str:
        assert isinstance(change, Replaced)
        self._made[by] = change
        return by

    def _wanted(self, sql: str, kind: type[StatementChange]) -> tuple[StatementChange, str] | None:
        """The change of that kind of a statement, and the other text."""
        for one in self._exact.get(_plain(sql), ()):
            if isinstance(one, kind):
                return one, one.by
        if not self._differing:
            return None
        words = words_of(sql)
        for each in self._differing:
            if not isinstance(each.change, kind):
                continue
            if (values := each.values(words)) is not None:
                return each.change, _with(each.change.by, values)
        return None

    def _made_before(
        self,
        change: StatementChange,
        by: str,
        types: Sequence[int],
        formats: Sequence[int],
        values: Sequence[bytes | None],
    ) -> Before | None:
        wanted = sorted({int(parameter[1:]) for parameter in _parameters(by)})
        if any(number > len(values) for number in wanted):
            return None
        asked = []
        for number in wanted:
            type_ = types[number - 1] if number <= len(types) else 0
            if not type_ and formats[number - 1] == _BINARY and values[number - 1] is not None:
                return None  # what the bytes mean is not known
            asked.append((type_, formats[number - 1], values[number - 1]))
        numbers = {f"${number}": f"${n}" for n, number in enumerate(wanted, start=1)}
        name = fields.string(f"{_NAME}{next(self._numbers)}")
        count, none = fields.count16(len(asked)), fields.count16(0)
        messages = (
            fields.message(
                b"P",
                name,
                fields.string(_with(by, numbers)),
                count,
                *(fields.oid(type_) for type_, _, _ in asked),
            ),
            fields.message(
                b"B",
                name,
                name,
                count,
                *(fields.int16(form) for _, form, _ in asked),
                count,
                *(_value(value) for _, _, value in asked),
                none,
            ),
            fields.message(b"E", name, fields.int32(0)),
            fields.message(b"C", b"P", name),
            fields.message(b"C", b"S", name),
            fields.message(b"H"),
        )
        return Before(change, messages)

    def goes_before(self, before: Before) -> None:
        """Take note that it is sent."""
        self.came[before.change] += 1
        self.passed[before.change] += 1


class WholeUnits:
    """Keeps the messages of a session until a unit is whole, and puts before it what is to go
    before.

    In a transaction of the client's own alone, since a lock is let go of at its end. One that the
    server has not told of yet counts: a BEGIN in the unit itself, or in a unit just before.
    """

    def __init__(self, changes: Changing, session: Session) -> None:
        self._changes, self._session = changes, session
        self._kept: list[Frame] = []
        self.as_simple: AsSimple | None = None
        """Puts in the words of a simple query's answer what is answered to the extended one that
        was made of it, since what goes before it is one; None where the last were as they came."""
        self._begun = False
        """True where the unit before was a BEGIN and nothing else."""

    @property
    def between(self) -> bool:
        """Return whether no message is kept."""
        return not self._kept

    def take(self, frames: Sequence[Frame]) -> list[Frame]:
        """Return the messages that are to be sent on now."""
        self.as_simple = None
        found: list[Frame] = []
        for frame in frames:
            if not self._kept and self._session.carries(frame):
                found.append(frame)
                continue
            self._kept.append(frame)
            if frame.kind in _ENDS_UNIT:
                unit, self._kept = self._kept, []
                found += self._unit(unit)
        return found

    def _unit(self, unit: list[Frame]) -> Iterable[Frame]:
        session = self._session
        # A lock by a simple query ends with a Sync, which would be lost behind a Flush.
        simple = unit[0].kind == _QUERY
        begun, self._begun = self._begun, _is_begin(unit, session.statements)
        if not (begun and session.status == "I" and not simple):
            if not (session.at_rest if simple else session.answered):
                return unit
            if session.status == "I":
                return self._behind_begin(unit)
            if session.status != "T":
                return unit
        before = self._changes.before(unit, session.statements)
        if before is None:
            return unit
        self._changes.goes_before(before)
        message = frontend.decode(unit[0])
        own = before.frames(unit[0])
        if not isinstance(message, frontend.Query):
            return (*own, *unit)
        self.as_simple = AsSimple(message.sql)
        return (*own, *in_transaction(unit[0], message.sql))

    def _behind_begin(self, unit: list[Frame]) -> Iterable[Frame]:
        number = _begins(unit, self._session.statements)
        begin, rest = unit[:number], unit[number:]
        if not begin or (before := self._changes.before(rest, self._session.statements)) is None:
            return unit
        self._changes.goes_before(before)
        flush = Frame(ord("H"), fields.message(b"H"), begin[-1].offset)
        return (*begin, flush, *before.frames(rest[0]), *rest)


def _begins(unit: Sequence[Frame], known: Mapping[str, Prepared]) -> int:
    """Return how many messages of an extended unit run its BEGIN; 0 if it does not begin so."""
    texts = {name: prepared.sql for name, prepared in known.items()}
    first = ""
    for number, frame in enumerate(unit, start=1):
        match frontend.decode(frame):
            case frontend.Parse(name, sql, _):
                texts[name] = sql
            case frontend.Bind(_, statement, _, _):
                first = texts.get(statement, "")
            case frontend.Execute():
                return number if _says_begin(first) else 0
            case _:
                pass
    return 0


def _is_begin(unit: Sequence[Frame], known: Mapping[str, Prepared]) -> bool:
    message = frontend.decode(unit[0])
    if isinstance(message, frontend.Query):
        return _says_begin(message.sql) and ";" not in _plain(message.sql)
    number = _begins(unit, known)
    return number > 0 and all(frame.kind in _ENDS_UNIT for frame in unit[number:])


def _says_begin(sql: str) -> bool:
    return words_of(sql.upper())[:1] in _BEGINS


@dataclass(frozen=True)
class Before:
    """A statement of the tap's own, as messages that end with a Flush."""

    change: StatementChange
    messages: tuple[bytes, ...] = field(repr=False)

    def frames(self, like: Frame) -> tuple[Frame, ...]:
        """The messages, at the place of a client's."""
        return tuple(Frame(message[0], message, like.offset) for message in self.messages)


def is_own(unit: Unit) -> bool:
    """Return whether a unit is a statement that the tap sends before another."""
    names = [statement.name for statement in unit.statements]
    return unit.ends == "flush" and bool(names) and all(name.startswith(_NAME) for name in names)


def _value(value: bytes | None) -> bytes:
    return fields.int32(-1) if value is None else fields.int32(len(value)) + value


def _plain(sql: str) -> str:
    return sql.strip().rstrip(";").rstrip()


def words_of(sql: str) -> tuple[str, ...]:
    """The words of a statement, without comments and what ends it; none of what is no SQL."""
    text = _plain(sql)
    try:
        tokens = sql_trees.scan(text)
    except sql_trees.ParseError:
        return ()
    return tuple(
        text[token.start : token.end + 1] for token in tokens if token.name not in _COMMENTS
    )


def _with(sql: str, values: Mapping[str, str]) -> str:
    """A statement with other words for these."""
    if not values:
        return sql
    parts, at = [], 0
    for token in sql_trees.scan(sql):
        word = sql[token.start : token.end + 1]
        if word in values:
            parts += [sql[at : token.start], values[word]]
            at = token.end + 1
    return "".join([*parts, sql[at:]])


def _parameters(sql: str) -> list[str]:
    return [
        sql[token.start : token.end + 1] for token in sql_trees.scan(sql) if token.name == "PARAM"
    ]
