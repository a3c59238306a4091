"""Which statements need not be let go yet, since all they could do is wait: see ``tenures``.

Deferring is sound where three things are certain: another session holds, alone, what the
statement begins by locking (``paidonce.harness.explore.footprint.sql.lock_targets``); the
statement's own session holds nothing, so that nobody can wait for it; and it sees each row's newest
version when it goes on (READ COMMITTED). Who waits for a row that is removed and put there again
finds nothing, though, where who comes later finds the new one; and who waits has a weak lock on the
table, and is first in the line for the row. A holder who makes a new row in that place, locks the
table, or locks the row more strongly ends it all (``unsafe``), and the search begins again without.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.control.tenures import Tenures
from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.footprint.sql.effects import TABLES
from paidonce.harness.explore.footprint.sql.lock_targets import Door
from paidonce.harness.explore.footprint.sql.symbols import Params
from paidonce.harness.explore.search.world import Tenure
from paidonce.harness.taps.postgres import Statement, Unit

_PATIENT = "read committed"
_BEGINS = frozenset({"begin", "local"})
_LETS_GO = frozenset({"commit", "rollback", "rollback to"})


class DeferralTracker:
    """Follows one execution; ``at`` is the number of the step that is being made."""

    def __init__(self, sessions: SqlSessions) -> None:
        self.at = 0
        self.unsafe: str | None = None
        """Why nothing may be deferred on this service, once it is known."""
        self._sessions = sessions
        self._tenures = Tenures()
        self._rows: dict[str, list[Door]] = {}
        """The doors that each session holds for certain."""
        self._held: dict[str, list[Door]] = {}
        """The rows that each session has locked for certain, also after a wait."""
        self._read: dict[Unit, Door | None] = {}
        """By unit that was not answered yet, the door that it would wait at."""

    def deferred(self, call: Unit, session: str, actor: str) -> bool:
        """Return whether the statement would only wait for what another attempt holds."""
        door = self._bare(call, session)
        return door is not None and self._tenures.held(door.thing, but=actor)

    def past(self, call: Unit, session: str, actor: str) -> tuple[Tenure, ...]:
        """Return when the statement would have been deferred."""
        door = self._bare(call, session)
        return () if door is None else self._tenures.past(door.thing, but=actor)

    def read(self, session: str, touches: Footprint) -> None:
        """A unit is about to be sent on ``session``."""
        for door in self._rows.get(session, ()):
            if door.entry is None:
                continue
            table = door.thing.place[1]
            if _enters(touches.locks, door):
                self.unsafe = f"a row of {table} may be put where another was"
            elif any(lock.place == (TABLES, table) and not lock.shared for lock in touches.locks):
                # Who waits for a row has locked its table already, if weakly.
                self.unsafe = f"who has locked a row of {table} locks all of it"
            elif self._strengthens(session, touches.locks, door):
                self.unsafe = f"who has locked a row of {table} locks it again, more strongly"

    def answered(self, call: Unit, session: str, actor: str | None, *, waited: bool) -> None:
        """A unit of ``actor`` was answered; what it locked is held until its transaction ends."""
        self._read.pop(call, None)
        over = call.status_after != "T" or call.answer.error is not None
        if over or self._lets_go(call, session):
            self.ended(session)
            return
        door = self._door(call, session, bare=False)
        if door is not None and _found(call):
            self._held.setdefault(session, []).append(door)
        if waited or actor is None:
            return
        if door is not None and _found(call) and not self._made(session, door):
            self._rows.setdefault(session, []).append(door)
            self._tenures.acquired(door.thing, actor, self.at, by=session)

    def ended(self, session: str) -> None:
        """The session's transaction is over, or the session itself."""
        self._rows.pop(session, None)
        self._held.pop(session, None)
        self._tenures.released(session, self.at)

    def beyond_held(self, call: Unit, session: str, touched: Footprint) -> Footprint:
        """Return what a unit touches that does not wait, without the locks its session has."""
        held = self._held.get(session)
        if not held or self._lets_go(call, session):
            return touched
        locks = frozenset(
            lock for lock in touched.locks if not any(door.covers(lock) for door in held)
        )
        if len(locks) == len(touched.locks):
            return touched
        return Footprint(touched.looks, locks, touched.publishes)

    def _made(self, session: str, door: Door) -> bool:
        """Return whether the row may be one of the session's own making: nobody else sees it yet,
        and nobody waits for it."""
        return _enters(self._sessions.tracker(session).touched.locks, door)

    def _strengthens(self, session: str, locks: Iterable[Resource], door: Door) -> bool:
        """Return whether a row that others may have a foreign key's lock on is locked against those
        too.

        Who waits for it already is first in the line, and holds up who has it.
        """
        if not self._sessions.catalog.referring.get(door.thing.place[1]):
            return False
        row = Resource(door.thing.place[:2], door.thing.key)
        held = self._sessions.tracker(session).touched.locks
        return any(_alone(lock, row) for lock in locks) and not any(
            _alone(lock, row) for lock in held
        )

    def _bare(self, call: Unit, session: str) -> Door | None:
        """The door of a unit that can be deferred; its session stays as it is meanwhile."""
        if call not in self._read:
            self._read[call] = self._door(call, session, bare=True)
        return self._read[call]

    def _door(self, call: Unit, session: str, *, bare: bool) -> Door | None:
        """The door of a unit; if ``bare``, only of one that can be deferred."""
        if call.ends == "function":
            return None
        tracker = self._sessions.tracker(session)
        path = tracker.path
        if path is None or (bare and (tracker.holds_locks or tracker.isolation != _PATIENT)):
            return None
        statement = self._only(call.statements, path)
        if statement is None:
            return None
        door = self._sessions.doors.of(
            statement.sql, Params(statement.params, statement.nulls), path
        )
        return door if door is not None and (door.bare or not bare) else None

    def _only(self, statements: Sequence[Statement], path: tuple[str, ...]) -> Statement | None:
        """The one statement of a unit, but for a BEGIN before it."""
        found = None
        for statement in statements:
            if not statement.sql:
                return None
            gist = self._sessions.gist(statement.sql, path)
            if found is None and _BEGINS.issuperset(gist.kinds):
                if any(gist.isolations):
                    return None
                continue
            if found is not None or len(gist.kinds) != 1:
                return None
            found = statement
        return found

    def _lets_go(self, call: Unit, session: str) -> bool:
        """Return whether a unit may let go of some of what its transaction holds.

        That a transaction is open after it does not tell: COMMIT AND CHAIN begins another.
        """
        path = self._sessions.tracker(session).path
        if path is None:
            return True
        for statement in call.statements:
            if not statement.sql or _unlocks(statement.sql):
                return True
            gist = self._sessions.gist(statement.sql, path)
            if gist.anything or not _LETS_GO.isdisjoint(gist.kinds):
                return True
        return False


@functools.lru_cache(maxsize=1024)
def _unlocks(sql: str) -> bool:
    return "unlock" in sql.lower()


def _enters(locks: Iterable[Resource], door: Door) -> bool:
    """Return whether a row may be made, or have been made, where the one of the door is."""
    return door.entry is not None and any(
        _may_replace(lock.place) and lock.overlaps(door.entry) for lock in locks
    )


def _alone(lock: Resource, row: Resource) -> bool:
    """Return whether a lock on the row is FOR UPDATE."""
    return lock.place == row.place and not lock.shared and lock.overlaps(row)


def _may_replace(place: tuple[str, ...]) -> bool:
    """Return whether a lock there may be that of a new row: on an index entry, or on no one knows
    what."""
    return len(place) < 2 or len(place) > 3


def _found(call: Unit) -> bool:
    """Return whether the unit's last statement found its one thing."""
    tags = call.answer.tags
    return bool(tags) and tags[-1].split()[-1:] == ["1"]
