"""The sessions of a service with its database, followed from one execution to the next.

Pooled connections outlive an execution, and so does what was set on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.footprint.sql.changed_columns import ChangedColumns
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.gaps import Gaps
from paidonce.harness.explore.footprint.sql.lock_targets import Doors
from paidonce.harness.explore.footprint.sql.moments import Moments
from paidonce.harness.explore.footprint.sql.rw_conflicts import Ends
from paidonce.harness.explore.footprint.sql.sent import Sent
from paidonce.harness.explore.footprint.sql.session_settings import (
    path_of,
    settings_at_first,
    timeouts_of,
)
from paidonce.harness.explore.footprint.sql.statement import isolation_option
from paidonce.harness.explore.footprint.sql.statement_footprint import Kind, StatementFootprint
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker
from paidonce.harness.explore.footprint.sql.two_step import (
    ASKED,
    in_pieces,
    in_two_steps,
    is_moment,
)
from paidonce.harness.service.passing import TIME


def session_name(number: int) -> str:
    """Return the name of the tap's connection of this number."""
    return f"postgres session {number}"


Found = Sequence[StatementFootprint]
"""The footprints of a unit's statements, in the session that they came on."""

Startup = Callable[[str], Mapping[str, str]]
"""A lookup of what the session of this name asked for when it connected, by parameter."""


_REMEMBERED = 4096
"""Texts of which the gist is kept."""


@dataclass(frozen=True, slots=True)
class TextGist:
    """The nature of a text, the same whatever its parameters are."""

    kinds: tuple[Kind, ...]
    """Those of the statements in it."""
    anything: bool
    """True if it may do anything at all, as one that cannot be read may."""
    isolations: tuple[str, ...]
    """The isolation levels that it asks for when it begins transactions."""


SetSoFar = Callable[[str], Sequence[Sent]]
"""A lookup of the statements by which the session of this name has made settings so far."""


def _nothing(session: str) -> Mapping[str, str]:
    return {}


def _none_so_far(session: str) -> Sequence[Sent]:
    return ()


class SqlSessions:
    """One tracker for each session on the database of ``url``, whose catalog is read once."""

    def __init__(
        self, url: str, startup: Startup = _nothing, so_far: SetSoFar = _none_so_far
    ) -> None:
        self._startup, self._so_far = startup, so_far
        self._footprints = Footprints(read_catalog(url), tells_new_rows=True)
        self._doors = Doors(self._footprints.catalog)
        self._changed, self.ends = ChangedColumns(), Ends()
        self.moments = Moments(self._changed.without)
        self.gaps = Gaps()
        self.held_apart: frozenset[str] = frozenset()
        """The labels of units that are to be committed apart, whatever their text says."""
        self._trackers: dict[str, TransactionTracker] = {}
        self._times: set[str] = set()
        """The sessions whose statements are time that passes."""
        self._gists: dict[tuple[str, tuple[str, ...]], TextGist] = {}

    @property
    def catalog(self) -> Catalog:
        """The database's, as it was read."""
        return self._footprints.catalog

    def looks(self, sql: str) -> frozenset[Resource]:
        """Return what a query looks at that is not the service's."""
        footprints = self._footprints.of(sql)
        return frozenset(look for footprint in footprints for look in footprint.looks)

    @property
    def doors(self) -> Doors:
        """Return what statements begin by locking."""
        return self._doors

    def gist(self, sql: str, path: tuple[str, ...]) -> TextGist:
        """Return what a text is whatever its parameters are."""
        found = self._gists.get((sql, path))
        if found is None:
            if len(self._gists) >= _REMEMBERED:
                self._gists.clear()
            found = self._gists[sql, path] = self._gist(sql, path)
        return found

    def _gist(self, sql: str, path: tuple[str, ...]) -> TextGist:
        footprints = self._footprints.of(sql, (), path=path)
        levels = (
            isolation_option(footprint.node.options)
            for footprint in footprints
            if footprint.kind == "begin"
        )
        return TextGist(
            kinds=tuple(footprint.kind for footprint in footprints),
            anything=any(lock.place == () for footprint in footprints for lock in footprint.locks),
            isolations=tuple(level for level in levels if level is not None),
        )

    def apart(self, session: str, statements: Sequence[Sent]) -> bool:
        """Return whether statements that commit by themselves are to be committed in another step.

        Several statements in one text cannot be: the protocol has no message that carries them out
        and does not commit (``in_pieces`` tells where that matters). Nor can one that commits while
        it runs. Time has passed at one moment: nobody sees that it has begun to pass, or waits for
        that.
        """
        tracker = self.tracker(session)
        if tracker.inside or session in self._times:
            return False
        footprints = self._found(tracker, statements)
        if not footprints or len(footprints) > len(statements):
            return False
        for footprint in footprints:
            if footprint.commits or footprint.kind not in ASKED:
                return False
        return in_two_steps(footprints, one_snapshot=tracker.one_snapshot)

    def checks(self, session: str, statements: Sequence[Sent]) -> bool:
        """Return whether triggers look at something when the statements' transaction is committed.

        They look then, and what they let pass is published in the same COMMIT, while others do
        the same: it takes two steps.
        """
        tracker = self.tracker(session)
        if tracker.inside and not tracker.puts_off:
            return False
        footprints = self._found(tracker, statements)
        if not tracker.inside:
            return any(footprint.deferred for footprint in footprints)
        return bool(footprints) and footprints[0].kind == "commit"

    def unchecked(self, session: str) -> bool:
        """Return whether the expected unit looks at what was put off and commits it, both in one
        step."""
        return self.tracker(session).unchecked

    def found(self, session: str, statements: Sequence[Sent]) -> Found:
        """Return what statements are that came on the session, as it is now."""
        return self._found(self.tracker(session), statements)

    def came(self, actor: str, session: str, unit: str, found: Found) -> bool:
        """The expected unit came, which is called ``unit``. Whether it commits at once although it
        would have to be held before that."""
        tracker = self.tracker(session)
        one_snapshot, passes = tracker.one_snapshot, session in self._times
        if not passes:
            self.moments.came(actor, unit, found, one_snapshot=one_snapshot, moment=tracker.over)
        self.gaps.came(
            actor,
            session,
            unit,
            found,
            inside=tracker.inside,
            over=tracker.over,
            one_snapshot=one_snapshot,
        )
        return (not passes and tracker.over) and (
            unit in self.held_apart
            or (len(found) == 1 and in_two_steps(found, one_snapshot=one_snapshot))
            or any(
                footprint.kind == "copy" and footprint.writes and footprint.stale
                for footprint in found
            )
        )

    def could_be_apart(self, session: str, found: Found) -> bool:
        """Return whether a statement writes and commits by itself, so that it could be committed in
        another step."""
        inside = self.tracker(session).inside
        return not inside and session not in self._times and is_moment(found)

    def in_pieces(self, session: str, found: Found) -> bool:
        """Return whether it matters what comes between the statements of the expected unit."""
        publishes = bool(self.tracker(session).expected.publishes)
        return in_pieces(found, publishes=publishes)

    def _found(
        self, tracker: TransactionTracker, statements: Sequence[Sent]
    ) -> list[StatementFootprint]:
        if len(statements) == 1:
            return tracker.read(statements[0])
        return [footprint for sent in statements for footprint in tracker.read(sent)]

    def begin(self) -> None:
        """An execution begins: no transaction is open, and nothing was changed yet."""
        self._changed.forget()
        self.ends.forget()
        self.moments.begin()
        self.gaps.begin()
        for session, tracker in list(self._trackers.items()):
            if tracker.inside:  # the last execution was left before the end of a transaction
                del self._trackers[session]

    def forget(self, session: str) -> None:
        """The session is over."""
        self._trackers.pop(session, None)
        self._times.discard(session)

    def tracker(self, session: str) -> TransactionTracker:
        """The tracker of the session with this name."""
        found = self._trackers.get(session)
        if found is not None:
            return found
        asked = settings_at_first(self._startup(session), self.catalog)
        if asked.get("application_name") == TIME:
            self._times.add(session)
        found = TransactionTracker(
            self._footprints,
            changed=self._changed,
            ends=self.ends,
            isolation=asked.get("default_transaction_isolation"),
            path=path_of(asked, self.catalog),
            times=timeouts_of(asked, self.catalog),
        )
        for sent in self._so_far(session):  # as the pool has set it up, before anybody looked
            found.expect([sent])
            found.done(status="I")
        self._trackers[session] = found
        return found
