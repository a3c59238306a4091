"""The state of one session, as far as it decides what its statements touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql import timeouts
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.rw_conflicts import Known
from paidonce.harness.explore.footprint.sql.statement import isolation_option, setting
from paidonce.harness.explore.footprint.sql.statement_footprint import StatementFootprint
from paidonce.harness.explore.footprint.sql.timeouts import Timeouts
from paidonce.harness.sql_trees import enums

Resources = frozenset[Resource]
NONE: Resources = frozenset()
Path = tuple[str, ...] | None
"""The schemas names are looked for in; None if they cannot be told."""


@dataclass(frozen=True)
class Savepoint:
    """A savepoint: what was held, written and set when it was made."""

    name: str
    held: Resources
    written: Resources
    settings: tuple[Path, Path, str, str]
    timeouts: Timeouts


@dataclass
class Session:
    """A session.

    ``inside`` a transaction: one that BEGIN opened, or (``implicit``) one that ends with the unit
    it began in. ``path`` is the search path now, ``session_path`` what it will be after COMMIT,
    ``begin_path`` after ROLLBACK; likewise the isolation level of the transaction and that of
    those to come. ``held``, ``written`` and ``looked`` belong to the transaction.
    """

    initial_isolation: str
    initial_path: Path
    initial_timeouts: Timeouts = field(default_factory=Timeouts)
    default_isolation: str = ""
    session_default: str = ""
    begin_default: str = ""
    timeouts: Timeouts = field(default_factory=Timeouts)
    path: Path = None
    session_path: Path = None
    begin_path: Path = None
    inside: bool = False
    implicit: bool = False
    failed: bool = False
    isolation: str = ""
    deferrable: bool = False
    snapshot: bool = False
    held: Resources = NONE
    written: Resources = NONE
    looked: Resources = NONE
    in_vain: Resources = NONE
    """The resources that statements of the transaction would have locked, and found no row of: the
    server shows a lock on their table all the same."""
    deferred: Resources = NONE
    """The resources that deferred triggers will look at."""
    session_locks: Resources = NONE
    known: Known | None = None
    """All that is certain of the open transaction, if it is a serializable one."""
    listens: bool = False
    """True once it may have asked for notifications."""
    savepoints: tuple[Savepoint, ...] = ()
    prepared: dict[str, Any] = field(default_factory=dict)
    cursors: dict[str, StatementFootprint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.default_isolation:
            self.reset()

    def reset(self) -> None:
        """As DISCARD ALL leaves it, and as it was in the beginning."""
        self.default_isolation = self.session_default = self.initial_isolation
        self.path = self.session_path = self.initial_path
        self.timeouts = self.initial_timeouts
        self.session_locks, self.prepared, self.cursors = NONE, {}, {}
        self.listens = False

    def copy(self) -> Session:
        """One to try things on."""
        made = object.__new__(Session)  # each unit is tried on one: without asking for every field
        made.__dict__ |= self.__dict__
        made.prepared, made.cursors = dict(self.prepared), dict(self.cursors)
        return made

    def begin(self, isolation: str | None = None, *, deferrable: bool = False) -> None:
        """Open a transaction."""
        self.inside, self.implicit = True, False
        self.isolation = isolation or self.default_isolation
        self.deferrable, self.begin_path = deferrable, self.session_path
        self.begin_default = self.session_default
        self.timeouts = self.timeouts.begun()

    def end(self, *, commit: bool) -> None:
        """End the transaction."""
        if self.inside and not self.implicit and not commit:
            self.session_path = self.begin_path
            self.session_default = self.begin_default
        self.path = self.session_path
        self.default_isolation = self.session_default
        self.timeouts = self.timeouts.ended(commit=commit)
        self.inside = self.implicit = self.failed = self.snapshot = self.deferrable = False
        self.held = self.written = self.looked = self.in_vain = self.deferred = NONE
        self.savepoints = ()
        self.cursors = {}
        self.known = None

    def savepoint(self, name: str) -> Savepoint:
        """One that remembers how things are."""
        paths = (self.path, self.session_path)
        return Savepoint(
            name,
            self.held,
            self.written,
            (*paths, self.default_isolation, self.session_default),
            self.timeouts,
        )

    def go_back(self, point: Savepoint) -> None:
        """All is again as it was when the savepoint was made."""
        self.held, self.written = point.held, point.written
        self.path, self.session_path = point.settings[:2]
        self.default_isolation, self.session_default = point.settings[2:]
        self.timeouts = point.timeouts

    def back_to(self, name: str, *, keep: bool) -> Savepoint | None:
        """Forget the savepoints after the one of this name, and unless ``keep`` that too."""
        for at in range(len(self.savepoints) - 1, -1, -1):
            if self.savepoints[at].name == name:
                savepoint = self.savepoints[at]
                self.savepoints = self.savepoints[: at + 1 if keep else at]
                return savepoint
        return None

    def set(self, node: Any, catalog: Catalog) -> None:
        """SET and RESET; most settings change nothing of what statements touch."""
        if node.kind == enums.VariableSetKind.VAR_SET_MULTI:
            level = isolation_option(node.args)
            if node.name == "TRANSACTION":
                self.isolation = level or self.isolation
            elif node.name == "SESSION CHARACTERISTICS":
                self.default_isolation = self.session_default = level or self.default_isolation
            else:
                self.path = self.session_path = None  # another session's snapshot: beyond us
            return
        self._set_timeout(node)
        name, values = setting(node)
        if name == "transaction_isolation" and values:
            self.isolation = values[0].lower()
        if name in ("default_transaction_isolation", "all"):
            self.default_isolation = (values[0] if values else self.initial_isolation).lower()
            if not node.is_local:
                self.session_default = self.default_isolation
        if name in ("search_path", "all"):
            self._set_path(values, node, catalog)
        if name == "session_replication_role":  # other triggers
            self.path = self.session_path = None
        if name in ("role", "session_authorization") and catalog.has_schema((values or ("",))[0]):
            self.path = self.session_path = None  # "$user" may mean that schema now

    def _set_timeout(self, node: Any) -> None:
        if node.kind == enums.VariableSetKind.VAR_RESET_ALL:
            self.timeouts = self.timeouts.reset(self.initial_timeouts.now)
        elif (name := (node.name or "").lower()) in timeouts.NAMES:
            value = timeouts.value_of(node)
            if value is None:
                value = self.initial_timeouts.now.get(name)
            self.set_timeout(name, value, local=bool(node.is_local))

    def set_timeout(self, name: str, value: str | None, *, local: bool) -> None:
        """SET for one of ``timeouts.NAMES``; a local one means nothing outside a transaction."""
        if local and not self.inside:
            return
        self.timeouts = self.timeouts.set(name, value, local=local)

    def _set_path(self, values: tuple[str, ...] | None, node: Any, catalog: Catalog) -> None:
        if values is not None:
            self.path = tuple(catalog.user if name == "$user" else name for name in values)
        else:
            self.path = None if node.args else self.initial_path
        if not node.is_local:
            self.session_path = self.path
