"""Fixes in the words of the service's own ORM: which row they are about, and the call for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.orms import FIXES, ORMS, Orm, RowAsked, call, spoken
from paidonce.harness.predict.asking import Situation, conjuncts, equality, only
from paidonce.harness.predict.types import Fix, Forecast, Prediction, Solo
from paidonce.harness.sql_trees import ast


def row_read(where: Situation) -> RowAsked | None:
    """Return the one row that a read asks for by a key alone; None of any other read."""
    given = where.given()
    if where.table is None or len(given) != 1 or not _is_key(where.table, given[0].column):
        return None
    return RowAsked(table=where.table.name, key=given[0].column, joined=not where.simple)


def row_written(sql: str, table: Table, column: str, value: str | None) -> RowAsked | None:
    """Return the row that an UPDATE changes, on the condition that its column has the value; None
    where it is not found by a key, or is given what an ORM's call would have to compute."""
    node = only(sql)
    if value is None or not isinstance(node, ast.UpdateStmt):
        return None
    asked = [one.column for part in conjuncts(node.whereClause) if (one := equality(part))]
    key = next((one for one in asked if _is_key(table, one)), None)
    sets = tuple(_assigned(node))
    if key is None or set(asked) - {key, column} or None in sets:
        return None
    known = tuple(one for one in sets if one is not None)
    return RowAsked(table=table.name, key=key, column=column, value=value, sets=known)


def worded(found: Forecast, solos: Iterable[Solo], orm: str | None) -> Forecast:
    """Return the same with each fix as a call of the ORM: of that name, or else the one that is
    known by what was recorded; and as SQL alone where none is known."""
    sent = [
        sql for solo in solos for effect in solo.effects for sql in effect.request.get("sql") or ()
    ]
    name = orm or spoken(sent)
    if name is None:
        return found
    speaks = ORMS[name]
    predictions = tuple(_prediction(prediction, speaks) for prediction in found.predictions)
    traps = tuple(
        msgspec.structs.replace(t, orm=speaks.title, lock=speaks.lock) for t in found.looked.traps
    )
    looked = msgspec.structs.replace(found.looked, traps=traps)
    return Forecast(predictions, looked, found.catalog)


def _prediction(prediction: Prediction, orm: Orm) -> Prediction:
    fixes = tuple(_fix(fix, orm) for fix in prediction.fixes)
    return msgspec.structs.replace(prediction, fixes=fixes)


def _fix(fix: Fix, orm: Orm) -> Fix:
    way = FIXES.get(fix.name)
    if way is None or fix.row is None or not (text := call(orm, way, fix.row)):
        return fix
    return msgspec.structs.replace(fix, orm=orm.title, call=text)


def _is_key(table: Table, column: str) -> bool:
    keys = [table.primary_key, *(index.columns for index in table.unique if index.plain)]
    return any(tuple(key) == (column,) for key in keys)


def _assigned(node: ast.UpdateStmt) -> Iterator[tuple[str, str | None] | None]:
    """Each column with its constant, or with None for a parameter; None for what is computed."""
    for target in node.targetList:
        value = target.val
        while isinstance(value, ast.TypeCast):
            value = value.arg
        if isinstance(value, ast.ParamRef):
            yield target.name, None
        elif isinstance(value, ast.A_Const) and isinstance(value.val, ast.String):
            yield target.name, value.val.sval
        elif isinstance(value, ast.A_Const) and isinstance(value.val, ast.Integer):
            yield target.name, str(value.val.ival)
        else:
            yield None
