"""Queries whose answer does not depend on the order in which rows came into a table."""

from __future__ import annotations

from paidonce.harness.explore.footprint.sql.trees import NotParsed, Tree, below, parsed, strings
from paidonce.harness.sql_trees import ast, enums

_OF_A_SET = frozenset({"count", "sum", "max", "min", "avg", "bool_and", "bool_or", "every"})
"""Aggregates of which the result is that of a set (manual, section 9.21)."""
_CALCULATES = frozenset({"coalesce", "abs", "round", "nullif", "greatest", "least"})


def is_of_a_set(sql: str) -> bool:
    """Return whether a query aggregates all rows it finds, into something that any order of them
    comes to."""
    try:
        (node,) = parsed(sql)
    except (NotParsed, ValueError, RecursionError):
        return False
    if not isinstance(node, ast.SelectStmt) or node.op != enums.SetOperation.SETOP_NONE:
        return False
    if any(
        (
            *(node.withClause, node.groupClause, node.havingClause, node.windowClause),
            *(node.distinctClause, node.valuesLists, node.limitOffset, node.limitCount),
            *(node.intoClause, node.lockingClause, node.sortClause),
        )
    ):
        return False
    whole = (node.targetList, node.whereClause, node.fromClause)
    if any(isinstance(one, ast.SubLink | ast.RangeSubselect) for one in below(whole)):
        return False
    return all(_aggregated(target.val) for target in node.targetList or ())


def _aggregated(node: Tree) -> bool:
    """Return whether an expression is made of aggregates and constants."""
    match node:
        case ast.A_Const() | ast.ParamRef():
            return True
        case ast.TypeCast():
            return _aggregated(node.arg)
        case ast.CoalesceExpr():
            return all(_aggregated(arg) for arg in node.args)
        case ast.A_Expr():
            return all(_aggregated(side) for side in (node.lexpr, node.rexpr) if side is not None)
        case ast.FuncCall():
            name = strings(node.funcname)[-1]
            if name in _OF_A_SET:
                return not (node.agg_order or node.over)
            return name in _CALCULATES and all(_aggregated(arg) for arg in node.args or ())
    return False
