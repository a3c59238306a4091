"""Finds the one row that a statement sees or changes for certain, where its text tells.

A footprint may say too much; this may not. It is for telling that two transactions certainly are
in a read/write conflict (see ``rw_conflicts``).

* ``SELECT ... FROM t WHERE id = x`` has seen that row, whatever the plan was, if it returned one.
* ``UPDATE t SET ... WHERE id = x``, by itself or in WITH, where no trigger can stop it, has changed
  that row if it was there; one in WITH is carried out to its end (manual, section 7.8.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.conjunctions import conjuncts, equality
from paidonce.harness.explore.footprint.sql.effects import Context
from paidonce.harness.explore.footprint.sql.symbols import Pattern, pattern
from paidonce.harness.explore.footprint.sql.trees import Tree, below
from paidonce.harness.sql_trees import ast, enums


def rows_seen(ctx: Context, node: ast.Node) -> list[Pattern]:
    """Return the row that a query saw if it returned any."""
    if not isinstance(node, ast.SelectStmt) or len(node.fromClause or ()) != 1:
        return []
    if node.op != enums.SetOperation.SETOP_NONE or any(
        (
            *(node.withClause, node.groupClause, node.havingClause, node.windowClause),
            *(node.distinctClause, node.valuesLists, node.lockingClause, node.intoClause),
        )
    ):
        return []
    # An aggregate returns a row where it saw none, and any function might be one.
    if any(isinstance(part, ast.FuncCall) for part in below(node)):
        return []
    return list(_row(ctx, node.fromClause[0], node.whereClause))


def rows_changed(ctx: Context, node: ast.Node) -> list[Pattern]:
    """Return the rows that a statement changed if they were there when it began."""
    if not isinstance(node, ast.UpdateStmt | ast.InsertStmt | ast.SelectStmt):
        return []
    parts = [node, *(cte.ctequery for cte in (node.withClause.ctes if node.withClause else ()))]
    return [
        row for part in parts if isinstance(part, ast.UpdateStmt) for row in _changed(ctx, part)
    ]


def _changed(ctx: Context, node: ast.UpdateStmt) -> Iterable[Pattern]:
    if node.fromClause or any(isinstance(part, ast.SubLink) for part in below(node)):
        return
    table = _table(ctx, node.relation)
    if table is None or table.triggers or table.calls:
        return
    others = [part for part in conjuncts(node.whereClause) if not _true(part)]
    if len(others) == 1:
        yield from _row(ctx, node.relation, others[0])


def _table(ctx: Context, relation: Tree) -> Table | None:
    """Return a table that is what it says: no view, none in parts, none that hides rows."""
    if not isinstance(relation, ast.RangeVar):
        return None
    if relation.schemaname is None and relation.relname in ctx.ctes:
        return None
    table = ctx.catalog.table(relation.schemaname, relation.relname, ctx.path)
    if table is None or table.kind != "table" or table.related or table.rules:
        return None
    return None if table.row_security else table


def _row(ctx: Context, relation: Tree, where: Tree) -> Iterator[Pattern]:
    """Find the row of a table that a condition asks for by a unique column of its own."""
    table = _table(ctx, relation)
    if table is None or "=" in ctx.catalog.operators:
        return
    unique = {i.columns[0] for i in table.unique if i.plain and len(i.columns) == 1}
    for part in conjuncts(where):
        found = equality(ctx.reader, table, part)
        if found is not None and found[0] in unique:
            yield pattern(table.place, dict([found]))
            return


def _true(node: Tree) -> bool:
    return isinstance(node, ast.A_Const) and str(getattr(node.val, "boolval", "")) == "True"
