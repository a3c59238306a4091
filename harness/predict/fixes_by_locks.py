"""Advice that has the other attempt wait: locks of rows, of parent rows, and advisory locks."""

from __future__ import annotations

from paidonce.harness.explore.footprint.sql.trees import below
from paidonce.harness.orms import RowAsked
from paidonce.harness.predict.asking import Situation
from paidonce.harness.predict.moves import puts_in
from paidonce.harness.predict.types import Fix
from paidonce.harness.predict.wording import row_read
from paidonce.harness.sql_trees import ast, enums
from paidonce.harness.taps.changes import Change, Preceded, Replaced

_EXCLUSIVE = (enums.LockClauseStrength.LCS_FORUPDATE, enums.LockClauseStrength.LCS_FORNOKEYUPDATE)


def for_update(where: Situation) -> Fix | None:
    """A lock on the rows that were read: there have to be some, and the other has to change them.

    What others put in is in nobody's way (manual, 13.3.2), and a row that was not there cannot be
    locked.
    """
    read, write, node = where.found.read, where.found.write, where.node
    name = where.alias()
    if node is None or name is None or read.rows == 0 or node.lockingClause:
        return None
    if puts_in(write) or not lockable(node):
        return None
    of = "" if where.simple else f" OF {name}"
    locked = f"{plain(read.query.sql)} FOR UPDATE{of}"
    changes, untried = _inside(where, Replaced(sql=read.query.sql, by=locked))
    return Fix(
        name="FOR UPDATE",
        how=f"read the row with FOR UPDATE{of}, in one transaction that stays open until "
        f"{_until(where)}; look at the row only after that",
        before=read.query.sql,
        after=locked,
        changes=changes,
        untried=untried,
        row=row_read(where),
    )


def one_transaction(where: Situation) -> Fix | None:
    """Return a fix where the lock is taken already and let go of too early."""
    read, node, mine = where.found.read, where.node, where.meeting.mine
    if node is None or read.rows == 0 or puts_in(where.found.write) or where.one_snapshot:
        return None
    clauses = node.lockingClause or ()
    held = any(clause.strength in _EXCLUSIVE for clause in clauses)
    if not held or mine.ended(read) > where.found.act.at:
        return None
    skips = any(clause.waitPolicy == enums.LockWaitPolicy.LockWaitSkip for clause in clauses)
    meaning = (
        "; a row that is left out by SKIP LOCKED is one that somebody else has, and not one that "
        "is not there"
    )
    return Fix(
        name="one transaction",
        how=f"keep the transaction open until {_until(where)}: a lock is let go of at its end, and "
        f"without BEGIN that is the end of the statement{meaning if skips else ''}",
        before=read.query.sql,
        after=f"BEGIN; {plain(read.query.sql)}",
        untried=f"the service has to keep its transaction open until {_until(where)}",
        row=row_read(where),
    )


def parent_row(where: Situation) -> Fix | None:
    """A lock on the row that the rows looked for refer to: it is there when they are not, and an
    INSERT of one waits for it (its foreign key is checked with FOR KEY SHARE, 13.3.2)."""
    read, node, table = where.found.read, where.node, where.table
    if node is None or table is None or where.one_snapshot or node.lockingClause:
        return None
    if for_update(where) is not None:
        return None
    given = {one.column: one for one in where.given()}
    for key in table.foreign_keys:
        if key.target == table.name or not set(key.columns) <= given.keys():
            continue
        asked = " AND ".join(
            f"{target} = {given[column].text}"
            for column, target in zip(key.columns, key.target_columns, strict=True)
        )
        parent = key.target.removeprefix("public.")
        lock = f"SELECT 1 FROM {parent} WHERE {asked} FOR UPDATE"  # noqa: S608 -- for people
        changes, untried = _inside(where, Preceded(sql=read.query.sql, by=lock))
        return Fix(
            name="parent row lock",
            how=f"lock the row of {parent} first, in one transaction (READ COMMITTED) that stays "
            f"open until {_until(where)}; every route that writes these rows has to lock it before "
            "it reads",
            before=read.query.sql,
            after=f"{lock}; {read.query.sql}",
            changes=changes,
            untried=untried,
            row=RowAsked(table=key.target, key=key.target_columns[0])
            if len(key.columns) == 1
            else None,
        )
    return None


def advisory(where: Situation) -> Fix | None:
    """A lock on the key that the read asks for.

    In a transaction that has one snapshot it is of no use: its statement takes the snapshot
    before it waits, so it is to be taken before BEGIN, by the session.
    """
    read, one = where.found.read, where.identity()
    if one is None:
        return None
    until = _until(where)
    key = f"hashtextextended({one.text}::text, 0)"
    if where.one_snapshot:
        return Fix(
            name="advisory lock",
            how=f"take a lock on {one.column} before BEGIN, on the same connection, and let go of "
            f"it with pg_advisory_unlock after the COMMIT, when {until}; every route that writes "
            "these rows has to take the same. As a statement of the transaction it would come "
            "after the snapshot",
            before=read.query.sql,
            after=f"SELECT pg_advisory_lock({key})",
            untried="the lock is to be taken before BEGIN, where no statement says its key yet",
        )
    lock = f"SELECT pg_advisory_xact_lock({key})"
    changes, untried = _inside(where, Preceded(sql=read.query.sql, by=lock))
    earlier = where.meeting.theirs.moves[: where.found.write.at]
    if not (where.alike or any(move.query.sql == read.query.sql for move in earlier)):
        # Before a statement of its own alone the tap would not know the key.
        changes, untried = (), "the other attempt has to take the same lock, and reads otherwise"
    return Fix(
        name="advisory lock",
        how=f"take a lock on {one.column} in a statement of its own, before the read, in one "
        f"transaction (READ COMMITTED) that stays open until {until}; every route that writes "
        "these rows has to take the same",
        before=read.query.sql,
        after=f"{lock}; {read.query.sql}",
        changes=changes,
        untried=untried,
        row=None if where.table is None else RowAsked(table=where.table.name, key=one.column),
    )


def lockable(node: ast.SelectStmt) -> bool:
    """Return whether FOR UPDATE may stand there (manual, SELECT, "The Locking Clause")."""
    simple = not (
        node.lockingClause
        or node.groupClause
        or node.havingClause
        or node.distinctClause
        or node.windowClause
        or node.op != enums.SetOperation.SETOP_NONE
    )
    return simple and not any(isinstance(one, ast.FuncCall) for one in below(node.targetList))


def plain(sql: str) -> str:
    """A statement without what ends it."""
    return sql.rstrip().rstrip(";").rstrip()


def _inside(where: Situation, change: Change) -> tuple[tuple[Change, ...], str]:
    """A change that is of use in a transaction that stays open, or why it cannot be made."""
    if where.stays_open:
        return (change,), ""
    until = _until(where)
    return (), f"the service has to read in a transaction that stays open until {until}"


def _until(where: Situation) -> str:
    if where.stripe:
        return f"{where.call} is answered and its result is written"
    return "the write is made"


__all__ = [
    "advisory",
    "for_update",
    "lockable",
    "one_transaction",
    "parent_row",
    "plain",
]
