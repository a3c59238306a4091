"""The parts of a condition that all have to hold, and what one by itself says of a column."""

from __future__ import annotations

from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.symbols import Match
from paidonce.harness.explore.footprint.sql.trees import Tree, TreeReader, operator, strings
from paidonce.harness.sql_trees import ast, enums


def conjuncts(condition: Tree) -> tuple[Tree, ...]:
    """Return the parts of a condition that are joined by AND; itself where none are."""
    if isinstance(condition, ast.BoolExpr) and condition.boolop == enums.BoolExprType.AND_EXPR:
        return tuple(part for arg in condition.args for part in conjuncts(arg))
    return (condition,)


def equality(reader: TreeReader, table: Table, node: Tree) -> tuple[str, Match] | None:
    """Return the column of ``table`` that an expression wants equal to a value, and the value; None
    of any other expression."""
    if not (
        isinstance(node, ast.A_Expr)
        and node.kind == enums.A_Expr_Kind.AEXPR_OP
        and operator(node) == "="
    ):
        return None
    for side, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
        if isinstance(side, ast.ColumnRef):
            column = table.column((strings(side.fields) or ("",))[-1])
            symbol = reader.symbol(other)
            if column is not None and symbol is not None:
                return column.name, Match(symbol, column.type)
    return None
