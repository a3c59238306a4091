"""Advice that has a write decide: conditional UPDATEs, claims, unique indexes.

Statements are changed in Postgres's own parse trees and written back by it, so what is
proposed parses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from paidonce.harness import sql_trees
from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.symbols import NEW
from paidonce.harness.explore.footprint.sql.trees import below
from paidonce.harness.predict.asking import Situation, conjuncts, equality, inserts_into, only
from paidonce.harness.predict.moves import Move, puts_in
from paidonce.harness.predict.predicates import satisfied
from paidonce.harness.predict.types import VERSIONS, Fix
from paidonce.harness.predict.wording import row_read, row_written
from paidonce.harness.sql_trees import ast, enums
from paidonce.harness.taps.changes import Migrated, Replaced

_STATES = ("status", "state", "stage", "phase")
_WORDS = ("processing", "PROCESSING", "Processing", "in_progress", "claimed")
"""Words for a claimed row, of which the first is used that its column takes."""


def conditional(where: Situation) -> Fix | None:
    """The attempt's own UPDATE of what it read, made to find its row only as it was read."""
    table, act = where.table, where.found.act
    if table is None or where.node is None or puts_in(where.found.write):
        return None
    write = _own_update(where, table)
    if write is None or where.carries_answer(write):
        return None
    column = _telling(where, write, table)
    value = None if column is None else where.shown(column)
    if column is None:
        return None
    asked = {a.column for u in write.shape.updates if u.table == table.place[1] for a in u.asked}
    after: str | None = write.query.sql
    if column not in asked:
        if column not in VERSIONS and not _moves_on(where, table, column, value):
            return None
        after = _with_condition(write.query.sql, table, column, value)
    if after is None:
        return None
    early = ""
    if where.stripe:
        early = f"make it before {where.call}, committed, and "
    late = where.stripe and write.at > act.at
    untried = ""
    if late:
        untried = (
            f"the service has to make it before {where.call}, and go on only if it changed a row"
        )
    elif column in VERSIONS:
        untried = f"which {column} it has read the service alone knows"
    elif after == write.query.sql:
        untried = "the service has to go on only if it changed a row"
    changes = () if untried else (Replaced(sql=write.query.sql, by=after),)
    return Fix(
        name="conditional UPDATE",
        how=f"{early}go on only if it changed a row: {column} has to be as it was read",
        before=write.query.sql,
        after=after,
        partly=f"where {where.call} is declined the row has to be put back" if late else "",
        changes=changes,
        untried=untried,
        row=None
        if column in VERSIONS
        else row_written(write.query.sql, table, column, where.shown(column)),
    )


def claim(where: Situation) -> Fix | None:
    """A mark that the row is being worked on: only where the attempt moves that state on anyway,
    so that the row is of one order and not shared by many."""
    read, table, node = where.found.read, where.table, where.node
    if not where.stripe or node is None or table is None or not where.simple or read.rows != 1:
        return None
    if not where.alike or node.lockingClause or node.groupClause or node.distinctClause:
        return None
    update = _own_update(where, table)
    if update is None or node.whereClause is None:
        return None
    moved = [c for u in update.shape.updates if u.table == table.place[1] for c, _ in u.assigned]
    column = next((c.name for c in table.columns if _ends(c.name, _STATES)), None)
    value = None if column is None else _known(where, column)
    if column not in moved or value is None or not _moves_on(where, table, column, value):
        return None
    word = next((one for one in _WORDS if one != value and _takes(where, table, column, one)), None)
    rows = _rows(node, table, column, value)
    if word is None or rows is None:
        return None
    asked = row_read(where)
    name = table.name.removeprefix("public.")
    after = f"UPDATE {name} SET {column} = {_literal(word)} WHERE {rows}"  # noqa: S608 -- for people
    return Fix(
        name="claim",
        how=f"claim it in a short transaction of its own, committed before {where.call}; go on "
        f"only if that changed a row, and settle in another transaction, of a row that is {word}",
        before=read.query.sql,
        after=after,
        partly="whoever dies or is declined in between leaves it claimed: it has to be let go of",
        untried=f"the service has to settle a row that is {word}, and to go on only if its claim "
        "changed one",
        row=asked
        and replace(asked, column=column, value=value, sets=((column, word),), joined=False),
    )


def unique(where: Situation) -> Fix | None:
    """Return a fix where nothing is found and a row then put in: an index that lets only one in."""
    read, table, meeting = where.found.read, where.table, where.meeting
    given = where.given()
    if table is None or not given or not _found_nothing(where):
        return None
    inserts = [move for move in meeting.mine.moves[read.at + 1 :] if inserts_into(move, table)]
    if len(inserts) != 1 or not where.alike or where.carries_answer(inserts[0]):
        return None
    columns = tuple(one.column for one in given if not one.constant)
    if not columns or not _puts(inserts[0], read, table, columns):
        return None
    there = [set(index.columns) for index in table.unique if index.plain]
    if any(one <= set(columns) for one in there):
        return None
    only_where = " AND ".join(f"{one.column} = {one.text}" for one in given if one.constant)
    if meeting.data is not None and meeting.data.repeats(table.name, columns, only_where):
        return None  # rows that are there, or were lawfully put in, violate it
    name = table.name.removeprefix("public.")
    index = f"CREATE UNIQUE INDEX ON {name} ({', '.join(columns)})"
    index += f" WHERE {only_where}" if only_where else ""
    late = where.stripe and inserts[0].at > where.found.act.at
    return Fix(
        name="unique index",
        how="let the database refuse the second row, and take the error for a clean refusal; the "
        "INSERT has to come before anything that cannot be undone",
        before=inserts[0].query.sql,
        after=index,
        changes=() if late else (Migrated(sql=index),),
        untried=f"the service has to make its INSERT before {where.call}" if late else "",
    )


# --- what is there -------------------------------------------------------------------------


def _own_update(where: Situation, table: Table) -> Move | None:
    """The attempt's first UPDATE of what it has read."""
    read, mine = where.found.read, where.meeting.mine
    return next(
        (
            move
            for move in mine.moves[read.at + 1 :]
            if any(update.table == table.place[1] for update in move.shape.updates)
            and any(write.overlaps(look) for write in move.writes for look in read.looks)
        ),
        None,
    )


def _found_nothing(where: Situation) -> bool:
    """Return whether the read found no row, or counted none."""
    read, node = where.found.read, where.node
    if node is None or node.lockingClause or not where.simple:
        return False
    if read.rows == 0:
        return True
    counts = [one for one in below(node.targetList) if isinstance(one, ast.FuncCall)]
    answer = read.effect.answer or {}
    sample = answer.get("sample") or []
    one_count = len(counts) == len(node.targetList) == 1 and counts[0].funcname[-1].sval == "count"
    return bool(one_count and sample and str(sample[0][0]) == "0")


def _puts(insert: Move, read: Move, table: Table, columns: tuple[str, ...]) -> bool:
    """Return whether the row that is put in is certainly one that was looked for."""
    looks = [dict(look.key) for look in read.looks if look.place == table.place]
    puts = [dict(write.key) for write in insert.writes if write.place == table.place]
    return any(
        all(look.get(c, NEW) == put.get(c) for c in columns) for look in looks for put in puts
    )


def _telling(where: Situation, write: Move, table: Table) -> str | None:
    """The column by which a row that has been changed is known: a version, or its state."""
    read_columns = where.found.read.shape.columns
    shown = [c.name for c in table.columns if read_columns is None or c.name in read_columns]
    for column in shown:
        if column in VERSIONS:
            return column
    assigned = {c for u in write.shape.updates if u.table == table.place[1] for c, _ in u.assigned}
    return next((column for column in shown if column in assigned and _ends(column, _STATES)), None)


def _known(where: Situation, column: str) -> str | None:
    """The value that was read: as it was shown, or as it was asked for."""
    if (shown := where.shown(column)) is not None:
        return shown
    for place, value in (pair for look in where.found.read.looks for pair in look.key):
        if place == column and not value.startswith("\0"):
            return value
    return None


def _moves_on(where: Situation, table: Table, column: str, value: str | None) -> bool:
    """Return whether every UPDATE of the column by the other attempt leaves it other than it was
    read: a condition on it then finds no row."""
    given = [
        assigned
        for move in where.meeting.theirs.moves
        for update in move.shape.updates
        if update.table == table.place[1]
        for name, assigned in update.assigned
        if name == column
    ]
    return bool(given) and value is not None and all(g not in (None, value) for g in given)


def _takes(where: Situation, table: Table, column: str, word: str) -> bool:
    """Return whether the column may have that value, as far as can be told."""
    found = table.column(column)
    if found is None or found.type.family not in ("text", "varchar", "char"):
        return False
    data = where.meeting.data
    if data is None:
        return True
    if not data.fits(table.name, column, word):
        return False
    checks = data.checks(table.name, column)
    return all(satisfied(check, {column: word}) is True for check in checks)


# --- trees --------------------------------------------------------------------------------


def _ends(column: str, words: tuple[str, ...]) -> bool:
    return column.lower().endswith(words)


def _literal(value: str) -> str:
    return value if value.isdigit() else "'" + value.replace("'", "''") + "'"


def _rows(node: ast.SelectStmt, table: Table, column: str, value: str) -> str | None:
    """Return which rows the read found, in the state in which it found them.

    An UPDATE has no LIMIT: where the read has one, it stays in a query that takes the same row,
    unless that is given by its key. None where the read may find several.
    """
    asked = sql_trees.written(node.whereClause)
    stated = any(
        isinstance(one, ast.ColumnRef) and one.fields[-1].sval == column
        for part in conjuncts(node.whereClause)
        for one in below(part)
        if isinstance(one, ast.ColumnRef) and isinstance(one.fields[-1], ast.String)
    )
    state = "" if stated else f" AND {column} = {_literal(value)}"
    if node.limitOffset is not None:
        return None
    if node.limitCount is None or _one_row(node, table):
        return f"{asked}{state}"
    if len(table.primary_key) != 1 or sql_trees.written(node.limitCount) != "1":
        return None
    (key,) = table.primary_key
    name = table.name.removeprefix("public.")
    order = ""
    if node.sortClause:
        order = f" ORDER BY {', '.join(sql_trees.written(one) for one in node.sortClause)}"
    inner = f"SELECT {key} FROM {name} WHERE {asked}{state}{order} LIMIT 1"  # noqa: S608
    return f"{key} = ({inner} FOR UPDATE SKIP LOCKED)"


def _one_row(node: ast.SelectStmt, table: Table) -> bool:
    """Return whether the read asks for a unique key, whole: it finds one row at most."""
    columns = {one.column for part in conjuncts(node.whereClause) if (one := equality(part))}
    keys = [index.columns for index in table.unique if index.plain]
    return any(set(key) <= columns for key in (*keys, table.primary_key) if key)


def _with_condition(sql: str, table: Table, column: str, value: str | None) -> str | None:
    node: Any = only(sql)
    if node is None or value is None:
        return None
    for one in below(node):
        if isinstance(one, ast.UpdateStmt) and table.name.endswith(f".{one.relation.relname}"):
            (wanted,) = sql_trees.parse_sql(f"SELECT WHERE {column} = {_literal(value)}")
            condition = wanted.stmt.whereClause
            known = one.whereClause
            if known is None:
                one.whereClause = condition
            else:
                one.whereClause = ast.BoolExpr(
                    boolop=enums.BoolExprType.AND_EXPR, args=(*conjuncts(known), condition)
                )
            if column in VERSIONS and column not in {t.name for t in one.targetList}:
                higher = f"UPDATE t SET {column} = {column} + 1"  # noqa: S608 -- its own column
                (more,) = sql_trees.parse_sql(higher)
                one.targetList = (*one.targetList, *more.stmt.targetList)
            return sql_trees.written(node)
    return None
