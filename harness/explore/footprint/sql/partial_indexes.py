"""Which rows are in a partial index: what its condition wants some columns to be.

A row of which it is known that a column is otherwise has no entry there, and is in nobody's way
(manual, section 11.8). Parts of a condition that are not understood here want nothing.
"""

from __future__ import annotations

from functools import lru_cache

from paidonce.harness.explore.footprint.sql.catalog import Index, Table
from paidonce.harness.explore.footprint.sql.conjunctions import conjuncts
from paidonce.harness.explore.footprint.sql.symbols import Const, Match, OneOf, Params, Symbol
from paidonce.harness.explore.footprint.sql.trees import (
    NotParsed,
    Tree,
    TreeReader,
    operator,
    parsed,
    strings,
)
from paidonce.harness.sql_trees import ast, enums

Wanted = dict[str, frozenset[str]]
_READER = TreeReader(frozenset())


def wanted(table: Table, index: Index) -> Wanted:
    """For some columns, the values one of which a row in the index has for certain."""
    found: Wanted = {}
    for name, symbol in _conditions(index.predicate or ""):
        column = table.column(name)
        values = None if column is None else Match(symbol, column.type).values(Params())
        if values:
            found[name] = frozenset(values)
    return found


@lru_cache(maxsize=256)
def _conditions(predicate: str) -> tuple[tuple[str, Symbol], ...]:
    if not predicate:
        return ()
    try:
        (statement,) = parsed(f"SELECT {predicate}")
    except (NotParsed, ValueError):
        return ()
    assert isinstance(statement, ast.SelectStmt)
    found = [_condition(part) for part in conjuncts(statement.targetList[0].val)]
    return tuple(one for one in found if one is not None)


def _condition(node: Tree) -> tuple[str, Symbol] | None:
    match node:
        case ast.ColumnRef():
            return strings(node.fields)[-1], Const("true")
        case ast.A_Expr() if operator(node) == "=" and isinstance(node.lexpr, ast.ColumnRef):
            symbol = None
            if node.kind == enums.A_Expr_Kind.AEXPR_OP:
                symbol = _READER.symbol(node.rexpr)
            elif node.kind == enums.A_Expr_Kind.AEXPR_OP_ANY:
                symbol = _READER.options(node.rexpr)
                symbol = symbol if isinstance(symbol, OneOf) else None
            return None if symbol is None else (strings(node.lexpr.fields)[-1], symbol)
    return None
