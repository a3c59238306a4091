"""Reads the units that arrive at the tap before Postgres."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.failures import Possible
from paidonce.harness.explore.control.readers.base import CallReader, Reading
from paidonce.harness.explore.control.readers.postgres_units import (
    commits_by_itself,
    creates,
    heard,
    is_end,
    parses_once,
    possible_faults,
    quoted_names,
    refused,
    says_nothing,
)
from paidonce.harness.explore.control.sql_sessions import Found
from paidonce.harness.explore.control.time_windows import Window
from paidonce.harness.explore.control.timed_answers import ahead_in
from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL, Footprint, Resource
from paidonce.harness.explore.naming.answer_digest import AnswerDigest
from paidonce.harness.explore.search.world import Tenure
from paidonce.harness.results.words import quoted
from paidonce.harness.service.passing import EVERY_LEASE_OVER
from paidonce.harness.taps.faults import AtTap, ErrorAnswer, LostAnswer
from paidonce.harness.taps.postgres import Unit
from paidonce.harness.taps.postgres.errors import TERMINATED

_WHOLE = re.compile(r"-?[0-9]{1,9}")
"""A count; a longer number is an id, a time or an amount."""
_TO_END = frozenset({"commit", "rollback", "end", "abort"})
_LETS_GO = frozenset({"commit", "rollback", "rollback to"})
_NO_ROW = (["UPDATE 0"], ["DELETE 0"])
"""The answers to one statement that found nothing to change."""
_WRITES = ("insert ", "update ", "delete ", "merge ", "with ", "call ", "copy ", "truncate ")


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
            if says_nothing(statement.sql):
                continue
            if aliases := quoted_names(statement.sql):
                names.constant(aliases)
            names.made(actor, statement.sql)
            for value in statement.params:
                if value is not None:
                    names.made(actor, value)

    def sends(self, call: Unit, actor: str) -> str | None:
        keys = self.reading.time_keys
        for statement in call.statements:
            if says_nothing(statement.sql):
                continue
            if actor != EVERY_LEASE_OVER:
                self.reading.leases.statement(call.label, statement.sql, statement.params)
            self.reading.keyed(call, keys.statement(actor, statement.sql, statement.params))
        return self.reading.times.runs(actor, call.statements)

    def read(self, call: Unit, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        touched, session = self.touches(call, arrival), arrival.session
        self._late.read(session, touched)
        statements = self._sessions.found(session, call.statements)
        arrival.moment = (
            call.ends in ("query", "sync")
            and not call.continues
            and self._sessions.could_be_apart(session, statements)
        )
        self._look_between(call, session, owner.name, statements)
        if touched.empty:
            return self.text(call), touched
        run = tuple(statement.sql for statement in call.statements)
        arrival.goes_on = self._parsed.pop(session, None) == run
        if not parses_once(call):
            return self.text(call), touched
        self._parsed[session] = tuple(statement.sql for statement in call.prepared)
        return f"{call.tap} {call.label_when_run}", touched

    def _look_between(self, call: Unit, session: str, actor: str, statements: Found) -> None:
        disturbs = self.reading.disturbs
        # By its name in every execution: else it would be learnt in each of them, and never held.
        called = self.reading.names.unit(call.label)
        label = f"{call.tap} {called}"
        if call.statements and self._sessions.came(actor, session, label, statements):
            disturbs(
                label,
                f"{quoted(called)} could not be held before its commit, and what others come "
                "to "
                "meanwhile was not tried",
            )
        if self._sessions.in_pieces(session, statements):
            disturbs(
                label,
                f"{quoted(called)} is several statements sent as one, and what may come "
                "between "
                "them was not tried",
            )
        if self._sessions.unchecked(session):
            disturbs(
                f"{label} unchecked",
                f"{quoted(called)} runs triggers that were put off and commits, and what may "
                "come "
                "between was not tried",
            )
        if any(statement.commits for statement in statements):
            disturbs(
                label,
                f"{quoted(called)} commits while it runs, and what may come between its "
                "transactions "
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
        kinds = {statement.kind for statement in self._sessions.found(arrival.session, run)}
        acts = bool(expected.locks or expected.publishes) and kinds.isdisjoint(_LETS_GO)
        usual: set[AtTap] = {ErrorAnswer(TERMINATED)}
        if tracker.over and expected.publishes:
            usual.add(LostAnswer())
        if tracker.one_snapshot and (acts or (tracker.isolation == "serializable" and kinds)):
            usual.add(ErrorAnswer("40001"))
        if acts and tracker.may_deadlock:
            usual.add(ErrorAnswer("40P01"))
        return possible_faults(frozenset(usual), commits_by_itself(call), call.ends == "flush")

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
        if not creates(call):
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
        if not creates(call):
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
            self._sessions.ends.note(EVERYTHING)
            return arrival.footprint
        tracker = self._sessions.tracker(arrival.session)
        touched = tracker.done(
            failed=call.answer.error is not None,
            status=call.status_after,
            waited=waited,
            found=call.answer.tags not in _NO_ROW,
            rows=call.answer.rows > 0 and len(call.answer.tags) == 1,
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
            windows.statement(statement.sql, statement.params)
            for statement in call.statements
            if not says_nothing(statement.sql)
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
        ends = all(is_end(statement.sql) for statement in call.statements)
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
