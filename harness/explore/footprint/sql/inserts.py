"""The effects of INSERT and COPY: new rows, their entries in unique indexes, what they refer to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from paidonce.harness.explore.footprint.sql.calls import named_effects
from paidonce.harness.explore.footprint.sql.catalog import Column, Index, Table
from paidonce.harness.explore.footprint.sql.constraints import fire, refer
from paidonce.harness.explore.footprint.sql.effects import Context, Key
from paidonce.harness.explore.footprint.sql.routines import assigned_columns
from paidonce.harness.explore.footprint.sql.symbols import NEW, NULL, Const, Match, Symbol, pattern
from paidonce.harness.explore.footprint.sql.trees import (
    NotParsed,
    Tree,
    TreeReader,
    parsed,
    strings,
)
from paidonce.harness.sql_trees import ast

Row = dict[str, Symbol | None]
"""A new row's values by column; None where they are not known."""

_MOST = 64
"""Rows of one VALUES list that are told apart."""


def insert(ctx: Context, table: Table, rows: Iterable[Row]) -> list[Row]:
    """Insert rows; returns them with what defaults and triggers do to them."""
    effects = ctx.effects
    given = list(rows)
    if len(given) > _MOST:
        given = [dict.fromkeys(column.name for column in table.columns)]
    complete = [_completed(ctx, table, row) for row in given]
    effects.use_table(table)
    for row in complete:
        known = stored(table, row)
        row_made = pattern(table.place, known)
        effects.adds[row_made] = effects.arrives[row_made] = None
        effects.writes[replace(row_made, made=_is_another(table, known))] = None
        effects.may_fail = True
        for index in table.unique:
            effects.enter(table, index, known)
        for key in table.foreign_keys:
            refer(ctx, key, {column: known[column] for column in key.columns if column in known})
    for name in table.calls:
        named_effects(ctx, name)
    fire(ctx, table, "insert")
    return complete


def _is_another(table: Table, known: Key) -> bool:
    """Return whether a new row is another than all that are there and that others make."""
    return not table.rules and any(
        index.plain and any(known[c].symbol == Const(NEW) for c in index.columns if c in known)
        for index in table.unique
    )


def stored(table: Table, row: Row) -> Key:
    """Return what is known of a row that is stored, as the key of a resource."""
    known: Key = {}
    for column in table.columns:
        symbol = row.get(column.name)
        if symbol is not None:
            known[column.name] = Match(symbol, column.type, stored=True)
    return known


def given_columns(table: Table, node: ast.InsertStmt) -> list[str]:
    """The columns an INSERT gives values for, in order."""
    if node.cols:
        return [target.name for target in node.cols]
    return [column.name for column in table.columns]


def arbiters(table: Table, clause: ast.OnConflictClause) -> list[Index]:
    """The unique indexes that ON CONFLICT DO UPDATE may go by."""
    infer = clause.infer
    if infer is not None and infer.conname:
        return [index for index in table.unique if index.constraint == infer.conname]
    wanted = {element.name for element in (infer.indexElems if infer else None) or ()}
    indexes = [index for index in table.unique if set(index.columns) == wanted]
    return indexes or list(table.unique)


def default(reader: TreeReader, column: Column) -> Symbol | None:
    """The value a column has if none is given."""
    if column.generated:
        return None
    if column.identity:
        return Const(NEW)
    if column.default is None:
        return Const(NULL)
    try:
        (statement,) = parsed(f"SELECT {column.default}")
    except (NotParsed, ValueError):
        return None
    assert isinstance(statement, ast.SelectStmt)
    value = statement.targetList[0].val
    if _is_nextval(value):
        return Const(NEW)
    return reader.symbol(value)


def _is_nextval(node: Tree) -> bool:
    return isinstance(node, ast.FuncCall) and strings(node.funcname)[-1] == "nextval"


def _completed(ctx: Context, table: Table, row: Row) -> Row:
    found: Row = {
        column.name: row[column.name] if column.name in row else default(ctx.reader, column)
        for column in table.columns
    }
    for trigger in table.triggers:
        if trigger.before_row and "insert" in trigger.events:
            assigned = assigned_columns(ctx, trigger)
            found |= dict.fromkeys(found if assigned is None else assigned & found.keys())
    return found


def values_rows(
    ctx: Context, table: Table, columns: list[str], lists: tuple[tuple[Tree, ...], ...]
) -> list[Row]:
    """The rows of a VALUES list."""
    rows: list[Row] = []
    for values in lists:
        row: Row = {}
        for name, value in zip(columns, values, strict=False):
            column = table.column(name)
            if isinstance(value, ast.SetToDefault):
                row[name] = None if column is None else default(ctx.reader, column)
            else:
                row[name] = ctx.reader.symbol(value)
        rows.append(row)
    return rows
