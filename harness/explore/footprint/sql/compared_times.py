"""Which columns a statement compares with which values: for equality, whatever comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from paidonce.harness.explore.footprint.sql.trees import (
    NotParsed,
    Tree,
    children,
    operator,
    parsed,
    strings,
)
from paidonce.harness.sql_trees import ast, enums

Value = int | str
"""The number of a parameter, or a literal."""

_EQUAL = frozenset({"=", "<>", "!="})
_KINDS = enums.A_Expr_Kind
_COMPARING = frozenset(
    {
        *(_KINDS.AEXPR_OP, _KINDS.AEXPR_OP_ANY, _KINDS.AEXPR_OP_ALL, _KINDS.AEXPR_IN),
        *(_KINDS.AEXPR_DISTINCT, _KINDS.AEXPR_NOT_DISTINCT, _KINDS.AEXPR_NULLIF),
    }
)


@lru_cache(maxsize=1024)
def equalities(sql: str) -> tuple[tuple[str, Value], ...]:
    """Columns and what they are to be equal to, or different from; none if it is no SQL."""
    try:
        return tuple(_found(parsed(sql)))
    except (NotParsed, RecursionError):
        return ()


def _found(node: Tree) -> Iterator[tuple[str, Value]]:
    if isinstance(node, tuple):
        for child in node:
            yield from _found(child)
        return
    if not isinstance(node, ast.Node):
        return
    if isinstance(node, ast.A_Expr) and node.kind in _COMPARING and operator(node) in _EQUAL:
        for left, right in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
            column = _column(left)
            if column is not None:
                yield from ((column, value) for value in _values(right))
    for child in children(node):
        yield from _found(child)


def _column(node: Tree) -> str | None:
    """The column's name, also where it is turned into another type or given to a function."""
    if isinstance(node, ast.ColumnRef):
        words = strings(node.fields)
        return words[-1] if words else None
    if isinstance(node, ast.TypeCast):
        return _column(node.arg)
    if isinstance(node, ast.FuncCall) and node.args:
        return next(filter(None, map(_column, node.args)), None)
    return None


def _values(node: Tree) -> Iterator[Value]:
    match node:
        case ast.ParamRef():
            yield int(node.number)
        case ast.A_Const() if not node.isnull:
            value = node.val
            yield str(
                value.sval
                if isinstance(value, ast.String)
                else value.fval
                if isinstance(value, ast.Float)
                else getattr(value, "ival", "")
            )
        case ast.TypeCast():
            yield from _values(node.arg)
        case ast.FuncCall():
            for arg in node.args or ():
                yield from _values(arg)
        case ast.A_ArrayExpr():
            for arg in node.elements or ():
                yield from _values(arg)
        case tuple():
            for arg in node:
                yield from _values(arg)
