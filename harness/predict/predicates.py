"""Conditions of partial unique indexes, evaluated for a row as far as its values tell.

Three-valued, as SQL is: None stands for what cannot be told, and a row of which that is so is
never taken to be in the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from paidonce.harness.explore.footprint.sql.symbols import NULL, Params
from paidonce.harness.explore.footprint.sql.trees import NotParsed, TreeReader, operator, parsed
from paidonce.harness.sql_trees import ast, enums

_READER = TreeReader(frozenset())


def satisfied(predicate: str, row: Mapping[str, str]) -> bool | None:
    """Return whether ``row`` (column to text, as Postgres writes it) meets an index's condition."""
    try:
        (node,) = parsed(f"SELECT WHERE {predicate}")
    except (NotParsed, ValueError):
        return None
    return _truth(getattr(node, "whereClause", None), row)


def _truth(node: Any, row: Mapping[str, str]) -> bool | None:
    match node:
        case ast.BoolExpr():
            return _combined(node, [_truth(part, row) for part in node.args])
        case ast.NullTest():
            value = _value(node.arg, row)
            if value is None:
                return None
            is_null = node.nulltesttype == enums.NullTestType.IS_NULL
            return (value == NULL) is is_null
        case ast.A_Expr():
            return _compared(node, row)
        case ast.ColumnRef():
            value = _value(node, row)
            return None if value is None else value == "true"
        case ast.A_Const() if isinstance(node.val, ast.Boolean):
            return bool(node.val.boolval)
    return None


def _combined(node: ast.BoolExpr, parts: Iterable[bool | None]) -> bool | None:
    found = list(parts)
    if node.boolop == enums.BoolExprType.NOT_EXPR:
        return None if found[0] is None else not found[0]
    decisive = bool(node.boolop == enums.BoolExprType.OR_EXPR)
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _compared(node: ast.A_Expr, row: Mapping[str, str]) -> bool | None:
    name, kind = operator(node), enums.A_Expr_Kind
    left = _value(node.lexpr, row)
    if left is None or name not in ("=", "<>"):
        return None
    options: tuple[str | None, ...] | None
    if node.kind == kind.AEXPR_OP:
        right = _value(node.rexpr, row)
        options = None if right is None else (right,)
    elif node.kind in (kind.AEXPR_OP_ANY, kind.AEXPR_OP_ALL, kind.AEXPR_IN):
        listed = node.kind == kind.AEXPR_IN
        many = _READER.one_of(node.rexpr) if listed else _READER.options(node.rexpr)
        options = None if many is None else many.values(Params())
    else:
        return None
    if options is None or None in options:
        return None
    among = left != NULL and left in options
    return among if name == "=" else left != NULL and not among


def _value(node: Any, row: Mapping[str, str]) -> str | None:
    while isinstance(node, ast.TypeCast):
        node = node.arg
    if isinstance(node, ast.ColumnRef):
        last = node.fields[-1]
        return row.get(last.sval) if isinstance(last, ast.String) else None
    symbol = _READER.symbol(node)
    return None if symbol is None else symbol.value(Params())
