"""The beginning and the end of a session's transactions, and of what is between savepoints."""

from __future__ import annotations

from typing import Any

from paidonce.harness.explore.footprint.model import (
    EVERYTHING,
    KEY,
    LOCAL,
    REST,
    Footprint,
    Resource,
)
from paidonce.harness.explore.footprint.sql.rw_conflicts import AMONG_OTHERS, ORDER
from paidonce.harness.explore.footprint.sql.session import NONE, Resources, Session
from paidonce.harness.explore.footprint.sql.statement import isolation_option
from paidonce.harness.sql_trees import ast, enums

ONE_SNAPSHOT = frozenset({"repeatable read", "serializable"})
_PG = ("pg",)
_DATABASE = Resource(_PG)


def take_snapshot(session: Session) -> Footprint:
    """Take the snapshot that the open transaction needs, if it has none yet; returns what it looks
    at for it."""
    if session.snapshot or session.isolation not in ONE_SNAPSHOT:
        return LOCAL
    session.snapshot = True
    taken = Footprint(looks=frozenset({_DATABASE}))
    if session.deferrable:
        taken = taken.union(Footprint(looks=EVERYTHING.looks, locks=EVERYTHING.locks))
    session.looked |= taken.looks
    session.held |= taken.locks
    return taken


def after_failure(before: Session, after: Session, status: str | None) -> Session:
    """Return the session as it is after a unit that failed."""
    session = before.copy()
    session.session_locks |= after.session_locks
    if status == "I" or (status is None and (after.implicit or not after.inside)):
        session.end(commit=False)
        return session
    if not session.inside:
        session.begin()
    session.failed = True
    if not session.savepoints:
        session.held = session.written = session.looked = NONE
    return session


def begin(session: Session, node: Any) -> None:
    """Open a transaction, or make one of what the unit did before."""
    if session.implicit:  # what the unit did before becomes part of the transaction
        session.implicit = False
    elif not session.inside:
        deferrable = any(
            option.defname == "transaction_deferrable" for option in node.options or ()
        )
        session.begin(isolation_option(node.options), deferrable=deferrable)


def ended(session: Session, *, commit: bool) -> Footprint:
    """Return what the end of the transaction lets go of and publishes."""
    locks: Resources = session.held
    if AMONG_OTHERS in locks:
        locks |= {ORDER}
    return Footprint(locks=locks, publishes=session.written if commit else NONE)


def end(session: Session, node: Any, *, commit: bool) -> Footprint:
    """End the transaction by COMMIT or ROLLBACK; returns what that lets go of and publishes."""
    released = ended(session, commit=commit and not session.failed)
    isolation = session.isolation
    session.end(commit=commit and not session.failed)
    if node.chain:
        session.begin(isolation)
    return released


def roll_back_to(session: Session, name: str) -> Footprint:
    """Go back to a savepoint; returns what that lets go of."""
    point = session.back_to(name, keep=True)
    if point is None:
        return Footprint(locks=session.held)
    let_go = session.held - point.held
    session.failed = False
    session.go_back(point)
    return Footprint(locks=let_go)


def discard(session: Session, node: ast.DiscardStmt) -> Footprint:
    """Forget all of the session, on DISCARD ALL; returns what that lets go of."""
    if node.target != enums.DiscardMode.DISCARD_ALL:
        return LOCAL
    let_go = Footprint(locks=session.session_locks)
    session.reset()
    return let_go


def whole_row(lock: Resource) -> Resource:
    """Return the lock without telling keys from the rest: a row changed since the snapshot cannot
    be locked in any mode."""
    if lock.place[2:] in ((KEY,), (REST,)):
        return Resource(lock.place[:2], lock.key, lock.shared)
    return lock


def whole_table(look: Resource) -> Resource:
    """Return the look as one at all rows of its table."""
    return Resource(look.place[:2]) if look.place[:1] == ("pg",) else look
