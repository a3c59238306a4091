"""Which fixes would close a prediction, and what the observed SQL would become.

The statements are changed in Postgres's own parse trees and written back by pglast, so what is
proposed parses; whether the service then behaves is for the next search to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pglast
from pglast import ast, enums
from pglast.stream import RawStream

from harness.explore.sql.catalog import Table
from harness.explore.sql.trees import NotParsed, parsed
from harness.predict.moves import Move
from harness.predict.trees import below
from harness.predict.types import Fix, Kind

if TYPE_CHECKING:
    from harness.predict.pairs import Found
    from harness.predict.shields import Meeting

_VERSIONS = ("version", "lock_version", "row_version", "revision", "optlock")
_STATES = ("status", "state", "stage", "phase")


def fixes(meeting: Meeting, found: Found) -> tuple[Fix, ...]:
    """The fixes for a bad order, the nearest to what is there first."""
    return tuple(_fixes(meeting, found))


def _fixes(meeting: Meeting, found: Found) -> Iterator[Fix]:
    read, act = found.read, found.act
    table = _table(meeting, read)
    node = _only(read.query.sql) if read.kind is Kind.SQL else None
    stripe = act.kind is Kind.STRIPE
    call = act.spot.label.removeprefix("stripe ")
    if isinstance(node, ast.SelectStmt) and table is not None:
        if read.rows != 0 and _lockable(node):
            yield _for_update(read, act, call, stripe)
        if (conditional := _conditional(meeting, read, act, table, call)) is not None:
            yield conditional
        if stripe and read.rows != 0 and node.whereClause is not None:
            yield _claim(read, table, node, call)
        if (index := _unique(meeting, read, table)) is not None:
            yield index
        if node.whereClause is not None:
            yield _advisory(read, act, call, stripe)
    if stripe:
        yield _key(act, call)


def _for_update(read: Move, act: Move, call: str, stripe: bool) -> Fix:
    until = f"{call} is answered and its result is written" if stripe else "the write is made"
    return Fix(
        name="FOR UPDATE",
        how=f"read the row with FOR UPDATE, in one transaction that stays open until {until}; "
        "look at the row only after that",
        before=read.query.sql,
        after=f"{read.query.sql.rstrip().rstrip(';')} FOR UPDATE",
    )


def _conditional(meeting: Meeting, read: Move, act: Move, table: Table, call: str) -> Fix | None:
    """The attempt's own UPDATE of what it read, made to find its row only as it was read."""
    write = next(
        (
            move
            for move in meeting.mine.moves[read.at + 1 :]
            if any(update.table == table.place[1] for update in move.shape.updates)
        ),
        None,
    )
    if write is None:
        return None
    column = _telling(read, write, table)
    if column is None:
        return None
    asked = {a.column for u in write.shape.updates if u.table == table.place[1] for a in u.asked}
    after: str | None = write.query.sql
    if column not in asked:
        after = _with_condition(write.query.sql, table, column, _as_read(read, column))
    if after is None:
        return None
    early = ""
    if act.kind is Kind.STRIPE:
        early = f"make it before {call}, committed, and "
    return Fix(
        name="conditional UPDATE",
        how=f"{early}go on only if it changed a row: {column} has to be as it was read",
        before=write.query.sql,
        after=after,
    )


def _claim(read: Move, table: Table, node: ast.SelectStmt, call: str) -> Fix:
    column = next((c.name for c in table.columns if _ends(c.name, _STATES)), None)
    where = RawStream()(node.whereClause)
    name = table.name.removeprefix("public.")
    if column is not None and (value := _as_read(read, column)) is not None:
        assigned, asked = f"{column} = 'processing'", f"{column} = {_literal(value)}"
    else:
        assigned, asked = "claimed_at = now()", "claimed_at IS NULL"
    after = f"UPDATE {name} SET {assigned} WHERE {where} AND {asked}"  # noqa: S608 -- for people
    return Fix(
        name="claim",
        how=f"claim it in a short transaction of its own, committed before {call}; go on only if "
        "that changed a row, and settle in another transaction",
        before=read.query.sql,
        after=after,
    )


def _unique(meeting: Meeting, read: Move, table: Table) -> Fix | None:
    """Where rows are looked for and then put in: an index that lets only one in."""
    inserts = [
        move
        for move in meeting.mine.moves[read.at + 1 :]
        if _inserts(move, table)
        and any(one.overlaps(seen) for one in move.writes for seen in read.looks)
    ]
    columns = sorted({column for look in read.looks for column, _ in look.key})
    there = [set(index.columns) for index in table.unique if index.plain]
    if not inserts or not columns or any(one <= set(columns) for one in there):
        return None
    name = table.name.removeprefix("public.")
    return Fix(
        name="unique index",
        how="let the database refuse the second row, and take the error for a clean refusal; the "
        "INSERT has to come before anything that cannot be undone",
        before=inserts[0].query.sql,
        after=f"CREATE UNIQUE INDEX ON {name} ({', '.join(columns)})",
    )


def _inserts(move: Move, table: Table) -> bool:
    found = below(_only(move.query.sql)) if move.found.kind == "insert" else ()
    return any(
        isinstance(one, ast.InsertStmt) and table.name.endswith(f".{one.relation.relname}")
        for one in found
    )


def _advisory(read: Move, act: Move, call: str, stripe: bool) -> Fix:
    return Fix(
        name="advisory lock",
        how="take a lock on the order's id before it is read, in the transaction that stays open "
        f"until {call + ' is answered' if stripe else 'the write is made'}; every route that "
        "writes it has to take the same",
        before=read.query.sql,
        after=f"SELECT pg_advisory_xact_lock(hashtextextended($1, 0)); {read.query.sql}",
    )


def _key(act: Move, call: str) -> Fix:
    had = f"Idempotency-Key: {act.key}" if act.key else "no Idempotency-Key"
    return Fix(
        name="idempotency key",
        how=f"derive the key of {call} from the order and what is done to it, so that Stripe takes "
        "two calls for one",
        before=had,
        after=f"Idempotency-Key: <order id>:{call.rpartition('.')[2]}",
        partly="the writes to the database may still overwrite each other",
    )


# --- columns and values -------------------------------------------------------------------


def _table(meeting: Meeting, read: Move) -> Table | None:
    places = {look.place[:2] for look in read.looks}
    found = [t for t in meeting.catalog.tables.values() if t.place in places]
    return found[0] if len(found) == 1 else None


def _telling(read: Move, write: Move, table: Table) -> str | None:
    """The column by which a row that has been changed is known: a version, or its state."""
    read_columns = read.shape.columns
    shown = [c.name for c in table.columns if read_columns is None or c.name in read_columns]
    for column in shown:
        if column in _VERSIONS:
            return column
    assigned = {c for u in write.shape.updates if u.table == table.place[1] for c, _ in u.assigned}
    return next((column for column in shown if column in assigned and _ends(column, _STATES)), None)


def _ends(column: str, words: tuple[str, ...]) -> bool:
    return column.lower().endswith(words)


def _as_read(read: Move, column: str) -> str | None:
    answer = read.effect.answer or {}
    columns, sample = answer.get("columns") or [], answer.get("sample") or []
    if column in columns and sample:
        value = sample[0][columns.index(column)]
        return None if value is None else str(value)
    return None


def _literal(value: str) -> str:
    return value if value.isdigit() else "'" + value.replace("'", "''") + "'"


# --- trees --------------------------------------------------------------------------------


def _only(sql: str) -> Any:
    try:
        nodes = parsed(sql)
    except NotParsed:
        return None
    return nodes[0] if len(nodes) == 1 else None


def _lockable(node: ast.SelectStmt) -> bool:
    """Whether FOR UPDATE may stand there (manual, SELECT, "The Locking Clause")."""
    simple = not (
        node.lockingClause
        or node.groupClause
        or node.havingClause
        or node.distinctClause
        or node.op != enums.SetOperation.SETOP_NONE
    )
    return simple and not any(isinstance(one, ast.FuncCall) for one in below(node.targetList))


def _with_condition(sql: str, table: Table, column: str, value: str | None) -> str | None:
    node = _only(sql)
    if node is None or value is None:
        return None
    for one in below(node):
        if isinstance(one, ast.UpdateStmt) and table.name.endswith(f".{one.relation.relname}"):
            (wanted,) = pglast.parse_sql(f"SELECT WHERE {column} = {_literal(value)}")
            condition = wanted.stmt.whereClause
            known = one.whereClause
            if known is None:
                one.whereClause = condition
            else:
                one.whereClause = ast.BoolExpr(
                    boolop=enums.BoolExprType.AND_EXPR, args=(*_parts(known), condition)
                )
            if column in _VERSIONS and column not in {t.name for t in one.targetList}:
                higher = f"UPDATE t SET {column} = {column} + 1"  # noqa: S608 -- its own column
                (more,) = pglast.parse_sql(higher)
                one.targetList = (*one.targetList, *more.stmt.targetList)
            return str(RawStream()(node))
    return None


def _parts(node: Any) -> tuple[Any, ...]:
    """The parts of a condition, without a TRUE that was only there to be added to."""
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        return tuple(part for part in node.args if not _true(part))
    return (node,)


def _true(node: Any) -> bool:
    return isinstance(node, ast.A_Const) and isinstance(node.val, ast.Boolean) and node.val.boolval
