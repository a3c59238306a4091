"""Reads the units that arrive at the tap before Postgres."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.failures import Place, Possible, of_tap
from paidonce.harness.explore.control.readers.base import CallReader, Reading
from paidonce.harness.explore.control.sql_sessions import Found
from paidonce.harness.explore.control.time_windows import Window
from paidonce.harness.explore.control.timed_answers import ahead_in
from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL, Footprint, Resource
from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest, heard_rows
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.search.world import Tenure
from paidonce.harness.service.passing import EVERY_LEASE_OVER
from paidonce.harness.taps.faults import AtTap, ErrorAnswer, LostAnswer
from paidonce.harness.taps.postgres import Statement, Unit
from paidonce.harness.taps.postgres.errors import FAULTS, TERMINATED
from paidonce.harness.taps.postgres.units import COMMIT

_QUOTED = re.compile(r'"[^"]*"')
_WHOLE = re.compile(r"-?[0-9]{1,9}")
"""A count; a longer number is an id, a time or an amount."""
_ENDS = ("COMMIT", "END", "ROLLBACK", "ABORT")
_SAY_NOTHING = frozenset({"begin", "commit", "rollback", "end", "abort", "start transaction"})
_TO_END = frozenset({"commit", "rollback", "end", "abort"})
_LETS_GO = frozenset({"commit", "rollback", "rollback to"})
_WRITES = ("insert ", "update ", "delete ", "merge ", "with ", "call ", "copy ", "truncate ")
_NO_ROWS = frozenset({"UPDATE 0", "DELETE 0", "INSERT 0 0", "SELECT 0"})
# https://www.postgresql.org/docs/current/errcodes-appendix.html: what NOWAIT is answered.
_NOT_AVAILABLE = "55P03"


class PostgresReader(CallReader[Unit]):
    """A unit touches what its statements tell, in the transaction that is open on its session."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self._sessions = reading.sessions
        self._late = reading.late
        self._parsed: dict[str, tuple[str, ...]] = {}
        """The statements parsed last on a session, to be run in the same step."""

    # --- before it is let go ------------------------------------------------------------------

    def touches(self, call: Unit, arrival: Arrival) -> Footprint:
        if call.ends == "function":
            return EVERYTHING
        tracker = self._sessions.tracker(arrival.session)
        if arrival.touches is None:
            arrival.touches = tracker.expect(
                call.statements, prepared=call.prepared, ends=call.ends != "flush"
            )
            if self.reading.facts is not None:
                self.reading.facts.sees(self._sessions.found(arrival.session, call.statements))
            if self.reading.new_rows is not None:
                self.reading.new_rows.sees(tracker.expected)
        return tracker.expected  # others may have changed columns meanwhile

    def made_up(self, call: Unit, actor: str) -> None:
        names = self.reading.names
        for statement in call.statements:
            if _says_nothing(statement.sql):
                continue
            if aliases := _aliases(statement.sql):
                names.constant(aliases)
            names.made(actor, statement.sql)
            for value in statement.params:
                if value is not None:
                    names.made(actor, value)

    def sends(self, call: Unit, actor: str) -> str | None:
        keys = self.reading.time_keys
        for statement in call.statements:
            if _says_nothing(statement.sql):
                continue
            if actor != EVERY_LEASE_OVER:
                self.reading.leases.statement(call.label, statement.sql, statement.params)
            self.reading.keyed(call, keys.statement(actor, statement.sql, statement.params))
        return self.reading.times.runs(actor, call.statements)

    def read(self, call: Unit, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        touched, session = self.touches(call, arrival), arrival.session
        self._late.read(session, touched)
        found = self._sessions.found(session, call.statements)
        arrival.moment = (
            call.ends in ("query", "sync")
            and not call.continues
            and self._sessions.could_be_apart(session, found)
        )
        self._look_between(call, session, owner.name, found)
        if touched.empty:
            return self.text(call), touched
        run = tuple(statement.sql for statement in call.statements)
        arrival.goes_on = self._parsed.pop(session, None) == run
        if not parses_once(call):
            return self.text(call), touched
        self._parsed[session] = tuple(statement.sql for statement in call.prepared)
        return f"{call.tap} {call.label_when_run}", touched

    def _look_between(self, call: Unit, session: str, actor: str, found: Found) -> None:
        label, disturbs = f"{call.tap} {call.label}", self.reading.disturbs
        if call.statements and self._sessions.came(actor, session, label, found):
            disturbs(
                label,
                f"{call.label!r} could not be held before its commit, and what others come to "
                "meanwhile was not tried",
            )
        if self._sessions.in_pieces(session, found):
            disturbs(
                label,
                f"{call.label!r} is several statements sent as one, and what may come between "
                "them was not tried",
            )
        if self._sessions.unchecked(session):
            disturbs(
                f"{label} unchecked",
                f"{call.label!r} runs triggers that were put off and commits, and what may come "
                "between was not tried",
            )
        if any(statement.commits for statement in found):
            disturbs(
                label,
                f"{call.label!r} commits while it runs, and what may come between its transactions "
                "was not tried",
            )

    def expected(self, call: Unit, arrival: Arrival) -> Footprint:
        if call.ends == "function":
            return arrival.footprint
        return self._sessions.tracker(arrival.session).expected

    def passing(self, call: Unit, arrival: Arrival) -> Footprint:
        if call.ends == "function":
            return arrival.footprint
        granted = self._sessions.tracker(arrival.session).if_granted
        return self._late.beyond_held(call, arrival.session, granted)

    def counts(self, call: Unit) -> bool:
        return not (call.unasked or commits_by_itself(call))

    def faults(self, call: Unit, arrival: Arrival) -> Iterable[Possible]:
        if call.unasked or call.ends == "function":
            return ()
        tracker = self._sessions.tracker(arrival.session)
        expected, run = tracker.expected, call.statements or call.prepared
        kinds = {one.kind for one in self._sessions.found(arrival.session, run)}
        acts = bool(expected.locks or expected.publishes) and kinds.isdisjoint(_LETS_GO)
        usual: set[AtTap] = {ErrorAnswer(TERMINATED)}
        if tracker.over and expected.publishes:
            usual.add(LostAnswer())
        if tracker.one_snapshot and (acts or (tracker.isolation == "serializable" and kinds)):
            usual.add(ErrorAnswer("40001"))
        if acts and tracker.may_deadlock:
            usual.add(ErrorAnswer("40P01"))
        return _possible(frozenset(usual), commits_by_itself(call), call.ends == "flush")

    def ends(self, call: Unit, arrival: Arrival) -> Footprint:
        return self._sessions.tracker(arrival.session).let_go

    def failed(self, call: Unit, arrival: Arrival) -> Footprint:
        tracker = self._sessions.tracker(arrival.session)
        if call.status_after in ("T", "E"):
            self.reading.opens(arrival)
        elif call.status_after == "I":
            self.reading.owners.pop(arrival.session, None)
        actor = None if arrival.owner is None else arrival.owner.name
        self._late.answered(call, arrival.session, actor, waited=False)
        return tracker.refused(status=call.status_after)

    def deferred(self, call: Unit, arrival: Arrival, actor: str) -> bool:
        return self._late.deferred(call, arrival.session, actor)

    def past(self, call: Unit, arrival: Arrival, actor: str) -> tuple[Tenure, ...]:
        return self._late.past(call, arrival.session, actor)

    def waits(self, call: Unit, arrival: Arrival) -> None:
        self.reading.timeouts.waits(
            call.label,
            self._sessions.tracker(arrival.session).times,
            [
                self._sessions.tracker(session).times
                for session in self.reading.owners
                if session != arrival.session
            ],
        )

    # --- once it is answered ------------------------------------------------------------------

    def created(self, call: Unit, actor: str) -> None:
        if not _creates(call):
            return
        answer, names = call.answer, self.reading.names
        for row in answer.sample:
            if len(call.statements) == 1:
                names.inserted(actor, call.statements[0].sql, answer.columns, row)
            for value in row:
                if value is not None:
                    names.made(actor, value)

    def answers(self, call: Unit, actor: str) -> str | None:
        answer, names = call.answer, self.reading.names
        if not _creates(call):
            for row in answer.sample:
                for value in row:
                    if value is not None:
                        names.found(value)
        for row in answer.sample:
            self.reading.time_keys.read(row)
        if answer.rows > len(answer.sample):
            names.overlooked()
        return self.reading.times.rows(actor, call.statements, answer.columns, answer.sample)

    def touched(self, call: Unit, arrival: Arrival) -> Footprint:
        owner = arrival.owner
        waited = owner is not None and owner.at is At.LOCK
        touched = self._done(call, arrival, waited=waited)
        actor = None if owner is None else owner.name
        self._late.answered(call, arrival.session, actor, waited=waited)
        return touched

    def _done(self, call: Unit, arrival: Arrival, *, waited: bool) -> Footprint:
        if call.status_after in ("T", "E"):
            self.reading.opens(arrival)
        elif call.status_after == "I":
            self.reading.owners.pop(arrival.session, None)
        if call.ends == "function":
            return arrival.footprint
        tracker = self._sessions.tracker(arrival.session)
        touched = tracker.done(
            failed=call.answer.error is not None, status=call.status_after, waited=waited
        )
        if not (waited or call.answer.error is not None or call.status_after != "T"):
            touched = self._late.beyond_held(call, arrival.session, touched)
        if call.answer.error is None:
            self._sessions.gaps.answered(arrival.session, rows=call.answer.found)
        if call.ends == "flush" and tracker.inside:  # it is committed by what comes next
            self.reading.opens(arrival)
        return touched

    async def hidden(self, call: Unit, arrival: Arrival) -> Footprint:
        hidden_locks = self.reading.hidden_locks
        if hidden_locks is None or arrival.itself:
            return LOCAL
        tracker = self._sessions.tracker(arrival.session)
        open_still = call.status_after == "T" or (call.ends == "flush" and tracker.inside)
        if not open_still or call.pid is None:
            return LOCAL  # the end of its transaction has let go of all locks
        if not call.statements:
            return LOCAL  # parsing locks a table, against changes of its columns, and looks at none
        return await hidden_locks.beyond(call.label, call.pid, tracker)

    def heard(self, call: Unit) -> AnswerDigest:
        return heard(call, self.reading.names)

    def ahead(self, call: Unit) -> frozenset[str]:
        answer = call.answer
        rows = (zip(answer.columns, row, strict=False) for row in answer.sample)
        return ahead_in(value for row in rows for value in row)

    def window(self, call: Unit) -> Window | None:
        windows = self.reading.time_windows
        each = [
            windows.statement(one.sql, one.params)
            for one in call.statements
            if not _says_nothing(one.sql)
        ]
        return next(filter(None, each), None) if each else None

    def many(self, call: Unit) -> int:
        answer = call.answer
        if answer.rows == 1 and answer.sample and len(answer.sample[0]) == 1:
            (value,) = answer.sample[0]
            if value in ("t", "f"):
                return int(value == "t")
            if value is not None and _WHOLE.fullmatch(value):
                return int(value)
        tag = answer.tags[-1].split()[-1] if answer.tags and not answer.rows else ""
        return int(tag) if tag.isdigit() else answer.rows

    def refused(self, call: Unit) -> bool:
        return refused(call)

    def idle(self, call: Unit, arrival: Arrival, owner: Player, changed_nothing: bool) -> bool:
        session = arrival.session
        ends = all(_is_end(statement.sql) for statement in call.statements)
        ended = ends and call.status_after == "I" and call.answer.error is None
        idle = changed_nothing or (ended and session not in owner.dirty)
        if call.status_after == "I":
            owner.dirty.discard(session)
        elif not idle:  # also where no status comes, before a statement's own COMMIT
            owner.dirty.add(session)
        return idle

    def told(self, call: Unit) -> bool:
        return not (call.unasked or call.ends == "flush" or parses_once(call))

    # --- the session it came on ---------------------------------------------------------------

    def pid(self, call: Unit) -> int | None:
        return call.pid

    def begun(self, session: str) -> bool:
        return not self._sessions.tracker(session).touched.empty

    def holds_locks(self, session: str) -> bool:
        return self._sessions.tracker(session).holds_locks

    def held(self, session: str) -> frozenset[Resource]:
        return self._sessions.tracker(session).touched.locks

    def closed(self, session: str) -> Footprint:
        let_go = self._sessions.tracker(session).closed()
        self._late.ended(session)
        self._sessions.forget(session)
        return let_go

    # --- the service's own business -----------------------------------------------------------

    def works(self, call: Unit) -> bool:
        words = call.label.lower()
        return words.startswith(_WRITES) or " for update" in words

    def watched(self, call: Unit, arrival: Arrival) -> bool:
        if call.ends == "function":
            return True
        return not self.touches(call, arrival).empty and call.label.lower() not in _TO_END

    def passed(self, call: Unit, arrival: Arrival) -> None:
        if call.ends != "function":
            tracker = self._sessions.tracker(arrival.session)
            tracker.done(failed=call.answer.error is not None, status=call.status_after)


@functools.lru_cache(maxsize=256)
def _possible(usual: frozenset[AtTap], apart: bool, flush: bool) -> tuple[Possible, ...]:
    """The faults that a unit can have: one that is committed ``apart``, or ends with a ``flush``.

    Every step of every execution is asked about, and there are few kinds of them.
    """
    found: list[Possible] = []
    for one in of_tap(FAULTS, usual):
        if apart and one.place is Place.REQUEST:
            found.append(Possible(one.fault, Place.COMMIT, usual=one.usual))
        elif one.place is Place.REQUEST or not flush:
            # Once it is answered, the end of the session and a lost answer are the same.
            usual_there = one.usual and not (
                one.place is Place.ANSWER and isinstance(one.fault, ErrorAnswer)
            )
            found.append(Possible(one.fault, one.place, usual=usual_there))
    return tuple(found)


def heard(call: Unit, names: Names) -> AnswerDigest:
    """Return the answer to a unit, with its rows as text.

    That a statement was parsed for good is no answer: whether it is depends on the connection.
    """
    answer = call.answer
    if parses_once(call) and answer.error is None and not answer.lost:
        return NOTHING
    head = [*answer.tags, str(answer.rows), "" if answer.error is None else answer.error.sqlstate]
    whole = not answer.lost and answer.rows <= len(answer.sample)
    ordered = any(_ordered(statement.sql) for statement in call.statements)
    return heard_rows(head, answer.columns, answer.sample, names, whole=whole, ordered=ordered)


@functools.lru_cache(maxsize=1024)
def _aliases(sql: str) -> str:
    """Return the quoted names in a query: an ORM makes them of hashes of what it joins."""
    return " ".join(_QUOTED.findall(sql)) if sql[:7].upper() == "SELECT " else ""


@functools.lru_cache(maxsize=1024)
def _says_nothing(sql: str) -> bool:
    """Return whether a text only begins or ends a transaction: half of what is sent does."""
    return sql.lower() in _SAY_NOTHING


@functools.lru_cache(maxsize=1024)
def _is_end(sql: str) -> bool:
    return sql.upper().startswith(_ENDS)


def refused(call: Unit) -> bool:
    """Tell whether a unit asked for something and did not get it."""
    if len(call.statements) != 1:
        return False
    if call.answer.error is not None:
        return call.answer.error.sqlstate == _NOT_AVAILABLE
    # https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
    if "pg_try_advisory" in call.statements[0].sql.lower():
        return bool(call.answer.sample) and all(row == ("f",) for row in call.answer.sample)
    return bool(call.answer.tags) and _NO_ROWS.issuperset(call.answer.tags)


def commits_by_itself(call: Unit) -> bool:
    """Tell whether a unit is the end of a statement's own transaction, which came before it."""
    return call.ends == "sync" and call.continues and call.label == COMMIT


def parses_once(call: Unit) -> bool:
    """Tell whether a unit parses for good, under a name.

    Drivers do so the first time, or the fifth time, that a connection meets a statement, so that it
    depends on the past of that connection whether there is such a unit at all.
    """
    return bool(call.prepared) and not call.statements and all(one.name for one in call.prepared)


def _creates(call: Unit) -> bool:
    """Tell whether what the unit is answered did not exist before."""
    return all(map(_inserts, call.statements))


def _inserts(statement: Statement) -> bool:
    return _text_inserts(statement.sql)


@functools.lru_cache(maxsize=1024)
def _text_inserts(sql: str) -> bool:
    words = sql.upper()
    return words.lstrip().startswith("INSERT") and "ON CONFLICT" not in words


@functools.lru_cache(maxsize=1024)
def _ordered(sql: str) -> bool:
    return "ORDER BY" in sql.upper()
