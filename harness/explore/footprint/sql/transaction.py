"""Follows one session through its transactions: what each unit touches, given those before it.

* Outside a transaction a statement looks, locks and publishes at once.
* Inside one it looks and locks; COMMIT publishes all that was written and lets go of all that was
  locked, ROLLBACK only lets go. Either is local if there is nothing to publish or let go of.
* An UPDATE or DELETE that found no row, and waited for nobody, has locked and written nothing: only
  rows that fit are locked (manual, section 13.3.2). One that has waited keeps the row it waited
  for, though it no longer fits.
* A statement that fails takes the transaction with it, whose locks are gone at once. One that
  may fail (it may be the victim of a deadlock, for instance) touches all that is locked already.
* At REPEATABLE READ and SERIALIZABLE the first statement decides what the whole transaction sees:
  it looks at the whole database. For that it need only be parsed, which takes the transaction's
  snapshot as running it would (``exec_parse_message`` in src/backend/tcop/postgres.c).
* At SERIALIZABLE what was looked at matters to writers who have not committed (manual, section
  13.2.3), by page or table rather than by row, and the order of COMMITs decides who fails. Where it
  makes no difference is in ``rw_conflicts``.
"""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.sql import timeouts
from paidonce.harness.explore.footprint.sql.changed_columns import ChangedColumns
from paidonce.harness.explore.footprint.sql.effects import TABLES
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.rw_conflicts import AMONG_OTHERS, DOOMABLE, Ends, Known
from paidonce.harness.explore.footprint.sql.sent import Sent
from paidonce.harness.explore.footprint.sql.session import NONE, Session
from paidonce.harness.explore.footprint.sql.session_steps import SessionSteps
from paidonce.harness.explore.footprint.sql.statement_footprint import StatementFootprint
from paidonce.harness.explore.footprint.sql.transaction_ends import (
    ONE_SNAPSHOT,
    after_failure,
    ended,
)


class TransactionTracker:
    """One session. ``expect`` a unit, let it run, and say that it is ``done``.

    ``changed`` and ``ends`` are shared by all sessions of one execution. ``isolation``, ``path``
    and ``times`` (after which the server gives up) are for sessions that ask for their own when
    they connect.
    """

    def __init__(
        self,
        footprints: Footprints,
        *,
        changed: ChangedColumns | None = None,
        ends: Ends | None = None,
        isolation: str | None = None,
        path: tuple[str, ...] | None = None,
        times: timeouts.Settings | None = None,
    ) -> None:
        self._changed = ChangedColumns() if changed is None else changed
        self._ends = Ends() if ends is None else ends
        self._steps = SessionSteps(footprints, self._changed)
        catalog = footprints.catalog
        self._session = Session(
            (isolation or catalog.isolation).lower(),
            catalog.search_path if path is None else path,
            timeouts.at_first(catalog.timeouts if times is None else times),
        )
        self._after: Session | None = None
        self._expected = LOCAL

    @property
    def inside(self) -> bool:
        """Return whether a transaction is open."""
        return self._session.inside

    @property
    def isolation(self) -> str:
        """The open transaction's isolation level in lower case; without one, that of the next."""
        session = self._session
        return session.isolation if session.inside else session.default_isolation

    @property
    def one_snapshot(self) -> bool:
        """Return whether all statements of a transaction see what its first one saw, now or in the
        next transaction."""
        return self.isolation in ONE_SNAPSHOT

    def read(self, sent: Sent) -> list[StatementFootprint]:
        """Return the footprints that the statements of a text have by themselves, if they were run
        now."""
        footprints = self._steps.read(self._session, sent)
        return [
            self._steps.executed(self._session, footprint.node)
            if footprint.kind == "execute"
            else footprint
            for footprint in footprints
        ]

    @property
    def puts_off(self) -> bool:
        """Return whether the open transaction has anything to look at when it is committed."""
        return bool(self._session.deferred) and not self._session.failed

    @property
    def over(self) -> bool:
        """Return whether the expected unit leaves no transaction open."""
        return self._after is None or not self._after.inside

    @property
    def path(self) -> tuple[str, ...] | None:
        """The schemas names are looked for in; None if they cannot be told."""
        return self._session.path

    @property
    def holds_locks(self) -> bool:
        """Return whether anything is locked that others may have to wait for."""
        return bool(self._session.held or self._session.session_locks)

    @property
    def may_deadlock(self) -> bool:
        """Return whether the expected unit may wait for a lock while others may wait for one of
        its session's: it needs one that is not held yet, and holds another."""
        held = self._told_apart(Footprint(locks=self._session.held)).locks
        needed = self.expected.locks
        return self.holds_locks and any(
            not any(lock_held.includes(lock) for lock_held in held) for lock in needed
        )

    @property
    def times(self) -> timeouts.Settings:
        """Return when the server gives up, with the expected unit or the open transaction."""
        after = {} if self._after is None else self._after.timeouts.now
        return {**self._session.timeouts.now, **after}

    @property
    def touched(self) -> Footprint:
        """All that the open transaction has touched so far; its writes as published."""
        session = self._session
        return self._told_apart(Footprint(session.looked, session.held, session.written))

    @property
    def shown(self) -> Footprint:
        """All that the open transaction has touched, or would have, as its locks on tables show."""
        session = self._session
        held, written = session.held | session.in_vain, session.written | session.in_vain
        return self._told_apart(Footprint(session.looked, held, written))

    @property
    def expected(self) -> Footprint:
        """Return the footprint of the expected unit, as it is known now.

        It may have grown since ``expect``, by what other sessions were seen to change.
        """
        return self._told_apart(self.at_worst)

    @property
    def if_granted(self) -> Footprint:
        """Return the footprint of the expected unit if it neither waits nor fails."""
        return self._told_apart(self._expected)

    @property
    def at_worst(self) -> Footprint:
        """Return the footprint of the expected unit, also if it fails, with all columns."""
        if not self._risked:
            return self._expected
        return self._expected.union(Footprint(locks=self._risked))

    def expect(
        self, statements: Sequence[Sent], *, prepared: Sequence[Sent] = (), ends: bool = True
    ) -> Footprint:
        """Return the footprint that a unit with these statements will have; those ``prepared`` are
        only parsed.

        ``ends`` is False where the unit does not end the implicit transaction it is in (a Flush
        instead of a Sync). Asking again replaces it, and the session stays as it is until
        ``done``; only the columns the unit changes are learnt at once, since who changes some
        rows may be waiting for others.
        """
        after, steps, total = self._session.copy(), self._steps, LOCAL
        steps.unchecked, steps.risked, steps.run = False, NONE, []
        for sent in statements:
            total = total.union(steps.text(after, sent))
        if after.inside or not ends:
            for sent in prepared:
                total = total.union(steps.parsed(after, sent))
        if after.implicit and ends:
            steps.unchecked |= bool(after.deferred)
            total = total.union(ended(after, commit=True))
            total = total.union(Footprint(looks=after.looked))
            after.end(commit=True)
        self._after, self._expected = after, total
        self.unchecked, self._risked = steps.unchecked, steps.risked
        return self.expected

    def done(
        self,
        *,
        failed: bool = False,
        status: str | None = None,
        waited: bool = True,
        found: bool = True,
        rows: bool = False,
    ) -> Footprint:
        """Note that the expected unit was answered; returns what it did touch.

        One that did not fail, and has not ``waited`` for anybody, has let go of nothing, and
        whether it fails is up to what it looks at and locks itself. ``status`` is the server's
        transaction status after it (I, T, E), None if unknown. ``found`` is False for a unit whose
        one answer says that no row was changed; ``rows`` is True if it returned any.
        """
        before, after, touched = self._session, self._after, self._expected
        if failed or waited:
            touched = self.at_worst
        elif not (found or self.one_snapshot or after is None) and (table := self._steps.alone):
            if after.inside:
                after.in_vain |= after.held - before.held
                in_its_way = Resource((TABLES, table), shared=True)
                after.held, after.written = before.held | {in_its_way}, before.written
            if not before.inside:
                touched = Footprint(touched.looks, touched.locks)
        self._after, self._expected = None, LOCAL
        if after is None:
            after = before.copy()
        if failed:
            touched = touched.union(Footprint(locks=before.held | after.held))
            after = after_failure(before, after, status)
        elif status == "I" and after.inside:
            touched = touched.union(ended(after, commit=True))
            after.end(commit=True)
        elif status in ("T", "E") and not after.inside:
            # Begun in a way that was not seen: it may have done anything.
            after.begin()
            after.failed = status == "E"
            after.held = after.written = after.looked = EVERYTHING.locks
        if after.isolation == "serializable" and after.inside and not (failed or waited):
            touched = self._among_serializable(before, after, touched, rows=rows)
        if AMONG_OTHERS in touched.locks and before.inside and before.snapshot:
            known = before.known
            if known is None or known.serializable != self._ends.serializable:
                touched = touched.union(Footprint(locks=frozenset({DOOMABLE})))
        self._ends.note(touched)
        self._session = after
        return self._told_apart(touched)

    def _among_serializable(
        self, before: Session, after: Session, touched: Footprint, *, rows: bool
    ) -> Footprint:
        """Return what a unit touched that neither failed nor waited, in a serializable transaction
        that is open still."""
        if not before.snapshot and after.snapshot:
            after.known = Known(self._ends.commits, self._ends.serializable)
        if after.path is None:  # it may have another transaction's snapshot
            after.known = None
        run = self._steps.run
        if after.known is None or after.implicit or len(run) != 1:
            return touched
        if rows:
            after.known = after.known.and_seen(run[0].row_seen)
        if not after.savepoints:
            after.known = after.known.and_changed(run[0].row_changed)
        return after.known.told_apart(touched, self._ends)

    @property
    def let_go(self) -> Footprint:
        """Return what would be let go of if the session ended now."""
        session = self._session
        let_go = ended(session, commit=False)
        return self._told_apart(let_go.union(Footprint(locks=session.session_locks)))

    def refused(self, *, status: str | None = None) -> Footprint:
        """Note that the expected unit was answered an error, and nothing of it was carried out.

        Returns what that let go of. ``status`` as for ``done``.
        """
        before = self._session
        self._after, self._expected = None, LOCAL
        self._session = after_failure(before, before.copy(), status)
        return self._let_go_of(ended(before, commit=False))

    def observed(self, extra: Footprint) -> None:
        """Note that the open transaction has touched more, its writes as ``publishes``."""
        self._session.looked |= extra.looks
        self._session.held |= extra.locks
        self._session.written |= extra.publishes

    def closed(self) -> Footprint:
        """End the session; returns what is let go of by that."""
        session = self._session
        let_go = ended(session, commit=False).union(Footprint(locks=session.session_locks))
        session.end(commit=False)
        session.reset()
        return self._let_go_of(let_go)

    def _let_go_of(self, let_go: Footprint) -> Footprint:
        self._ends.note(let_go)
        return self._told_apart(let_go)

    def _told_apart(self, footprint: Footprint) -> Footprint:
        """Return the locks without the columns changed by now: they are kept with all."""
        if not footprint.locks:
            return footprint
        locks = self._changed.without(footprint.locks)
        if locks is footprint.locks:
            return footprint
        return Footprint(footprint.looks, locks, footprint.publishes)
