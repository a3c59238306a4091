"""Which one row a statement is about for certain: what a footprint, which may say too much, is not.

At READ COMMITTED an UPDATE, a DELETE or a SELECT ... FOR UPDATE that has waited for a row looks at
the newest version of that row, and at that alone, before it goes on: at its conditions on the
row's own columns (manual, section 13.2.1; EvalPlanQual in src/backend/executor/README). So a
statement comes to what it would come to after the wait only if it is about one row, found by all
columns of a unique key, each equal to a value that does not depend on other rows. Of several rows,
or by other columns, it does not see those that come into its set meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection

from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.conjunctions import conjuncts
from paidonce.harness.explore.footprint.sql.effects import Context
from paidonce.harness.explore.footprint.sql.scope import Scope, Source
from paidonce.harness.explore.footprint.sql.trees import Tree, operator, strings
from paidonce.harness.sql_trees import ast, enums

_CALCULATED = frozenset({"immutable", "stable"})


def one_row(
    ctx: Context, table: Table, alias: str, where: Tree, ones: Collection[str] = ()
) -> bool:
    """Return whether the condition names at most one row of the table, whatever others do.

    ``ones`` are the names of what else is in FROM, and has one row at most.
    """
    if table.kind != "table" or table.related or table.rules or table.row_security:
        return False
    scope = Scope(None, [Source(alias, table)])
    known = {
        column
        for condition in conjuncts(where)
        if (column := _column_given(ctx, condition, scope, ones)) is not None
    }
    return any(
        index.plain and index.columns and set(index.columns) <= known for index in table.unique
    )


def by_key_alone(ctx: Context, table: Table, alias: str, where: Tree) -> bool:
    """Return whether a condition that names one row asks for its key and for nothing else."""
    scope = Scope(None, [Source(alias, table)])
    found = {_column_given(ctx, condition, scope, ()) for condition in conjuncts(where)}
    return any(
        index.plain and index.columns and set(index.columns) == found for index in table.unique
    )


def changes_one_row(ctx: Context, node: ast.Node) -> bool:
    """Return whether an UPDATE or DELETE is of one row at most, with nothing else in its FROM or
    USING."""
    match node:
        case ast.UpdateStmt() if not (node.fromClause or node.withClause):
            pass
        case ast.DeleteStmt() if not (node.usingClause or node.withClause):
            pass
        case _:
            return False
    relation = node.relation
    table = ctx.catalog.table(relation.schemaname, relation.relname, ctx.path)
    return table is not None and one_row(ctx, table, alias_of(relation), node.whereClause)


def alias_of(relation: ast.RangeVar) -> str:
    """The name a table has in the rest of its statement."""
    return str(relation.alias.aliasname if relation.alias else relation.relname)


def _column_given(ctx: Context, node: Tree, scope: Scope, ones: Collection[str]) -> str | None:
    """The column that a condition wants equal to a value, if it does."""
    if not (
        isinstance(node, ast.A_Expr)
        and node.kind == enums.A_Expr_Kind.AEXPR_OP
        and operator(node) == "="
        and "=" not in ctx.catalog.operators
    ):
        return None
    for side, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
        if isinstance(side, ast.ColumnRef):
            slots = scope.resolve(side).slots
            if slots and _settled(ctx, other, scope, ones):
                return slots[0][0][1]
    return None


def _settled(ctx: Context, node: Tree, scope: Scope, ones: Collection[str]) -> bool:
    """Return whether an expression keeps one value for as long as the statement runs."""
    match node:
        case ast.A_Const() | ast.ParamRef():
            return True
        case ast.ColumnRef():
            return _outside(ctx, node, scope, ones)
        case ast.TypeCast():
            words = strings(node.typeName.names)
            harmless = not node.typeName.setof and words[-1] not in ctx.catalog.conversions
            return harmless and _settled(ctx, node.arg, scope, ones)
        case ast.A_Expr() if node.kind == enums.A_Expr_Kind.AEXPR_OP:
            name = operator(node)
            sides = [side for side in (node.lexpr, node.rexpr) if side is not None]
            return (
                name is not None
                and name not in ctx.catalog.operators
                and all(_settled(ctx, side, scope, ones) for side in sides)
            )
        case ast.FuncCall():
            words = strings(node.funcname)
            return (
                ctx.catalog.builtin.get(words[-1]) in _CALCULATED
                and (len(words) == 1 or words[0] == "pg_catalog")
                and not ctx.catalog.function(None, words[-1], ctx.path)
                and all(_settled(ctx, arg, scope, ones) for arg in node.args or ())
            )
    return False


def _outside(ctx: Context, node: ast.ColumnRef, scope: Scope, ones: Collection[str]) -> bool:
    """Return whether a name is none of the table's columns: a variable or parameter of the function
    that is being read, or a column of something with one row."""
    names = strings(node.fields)
    if len(names) != len(node.fields):
        return False
    (source,) = scope.sources
    if len(names) > 1 and names[0] in ones:
        return True
    in_body = any(name.startswith("function ") for name in ctx.reading)
    if not in_body or ones or source.opaque:
        return False
    return names[0] != source.alias if len(names) > 1 else source.type_of(names[0]) is None
