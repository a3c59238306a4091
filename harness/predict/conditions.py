"""The conditions that an UPDATE has for the row it changes, and the columns a statement speaks of.

Footprints say which rows; for a prediction it matters as well whether a statement would still
find its row after somebody else has changed it, so the WHERE and SET of its tree are read here,
with the same reader of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.symbols import NULL, Params
from paidonce.harness.explore.footprint.sql.trees import (
    NotParsed,
    Tree,
    TreeReader,
    below,
    operator,
    parsed,
)
from paidonce.harness.sql_trees import ast, enums

Operator = Literal["=", "is null", "<", "other"]


@dataclass(frozen=True)
class Asked:
    """A condition on one column; ``value`` as text, None if it cannot be told."""

    column: str
    operator: Operator
    value: str | None = None

    def holds_for(self, value: str | None) -> bool | None:
        """Return whether a row with this value in the column meets it; None if that cannot be
        told."""
        if value is None:
            return None
        if self.operator == "is null":
            return value == NULL
        if self.operator == "other" or self.value is None:
            return None
        if self.operator == "=":
            return value == self.value and value != NULL
        try:
            return int(value) < int(self.value)
        except ValueError:
            return None


@dataclass(frozen=True)
class Update:
    """An UPDATE, perhaps within a CTE: of ``table`` (with its schema), what it asks and assigns.

    ``assigned`` has None for a value that cannot be told, for instance ``version + 1``.
    """

    table: str
    asked: tuple[Asked, ...]
    assigned: tuple[tuple[str, str | None], ...]

    def gives(self, column: str) -> tuple[bool, str | None]:
        """Return whether it assigns the column, and which value."""
        found = dict(self.assigned)
        return column in found, found.get(column)


@dataclass(frozen=True)
class Shape:
    """A statement as far as predictions need its tree.

    ``columns`` are those it speaks of, None where it may be any (``*``). ``returns`` tells that
    the client is shown rows, ``upserts`` that ON CONFLICT has it change the row that is there,
    ``unlocks`` that it lets go of advisory locks of the session.
    """

    updates: tuple[Update, ...] = ()
    columns: frozenset[str] | None = None
    returns: bool = False
    upserts: bool = False
    unlocks: bool = False


UNREAD = Shape()


def shapes(
    sql: str,
    params: Sequence[str | None],
    nulls: Sequence[int],
    path: tuple[str, ...],
    catalog: Catalog,
) -> tuple[Shape, ...]:
    """Those of the statements in ``sql``; none where it cannot be parsed."""
    try:
        nodes = parsed(sql)
    except NotParsed:
        return ()
    bound = Params(params, nulls)
    return tuple(_shape(node, bound, path, catalog) for node in nodes)


def _shape(node: Any, params: Params, path: tuple[str, ...], catalog: Catalog) -> Shape:
    found = list(below(node))
    updates = tuple(
        update
        for one in found
        if isinstance(one, ast.UpdateStmt)
        and (update := _update(one, params, path, catalog)) is not None
    )
    star = any(isinstance(one, ast.A_Star) for one in found)
    names = {
        one.fields[-1].sval
        for one in found
        if isinstance(one, ast.ColumnRef) and isinstance(one.fields[-1], ast.String)
    }
    conflict = [one for one in found if isinstance(one, ast.OnConflictClause)]
    return Shape(
        updates=updates,
        columns=None if star else frozenset(names),
        returns=isinstance(node, ast.SelectStmt)
        or getattr(node, "returningClause", None) is not None,
        upserts=any(one.action == enums.OnConflictAction.ONCONFLICT_UPDATE for one in conflict),
        unlocks=any(
            isinstance(one, ast.String) and one.sval.startswith("pg_advisory_unlock")
            for one in found
        ),
    )


def _update(
    node: ast.UpdateStmt, params: Params, path: tuple[str, ...], catalog: Catalog
) -> Update | None:
    table = catalog.table(node.relation.schemaname, node.relation.relname, path)
    if table is None:
        return None
    reader = TreeReader(catalog.enums)
    alias = node.relation.alias.aliasname if node.relation.alias else node.relation.relname

    def mine(side: Tree) -> str | None:
        """The column's name if this is one of the row that is changed."""
        if not isinstance(side, ast.ColumnRef) or not isinstance(side.fields[-1], ast.String):
            return None
        names = [part.sval for part in side.fields]
        if table.column(names[-1]) is None or (len(names) > 1 and names[-2] != alias):
            return None
        return str(names[-1])

    def value(side: Tree) -> str | None:
        symbol = reader.symbol(side)
        return None if symbol is None else symbol.value(params)

    asked = tuple(one for part in _conjuncts(node.whereClause) for one in _asked(part, mine, value))

    def stored(target: ast.ResTarget) -> str | None:
        """The value as Postgres writes it."""
        column, text = table.column(target.name), value(target.val)
        return text if column is None or text in (None, NULL) else column.type.stored(text)

    assigned = tuple((one.name, stored(one)) for one in node.targetList or () if one.name)
    return Update(table.place[1], asked, assigned)


def _conjuncts(node: Tree) -> Iterator[Tree]:
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        for part in node.args:
            yield from _conjuncts(part)
    elif node is not None:
        yield node


def _asked(node: Tree, mine: Any, value: Any) -> Iterator[Asked]:
    if isinstance(node, ast.NullTest) and (column := mine(node.arg)):
        null = node.nulltesttype == enums.NullTestType.IS_NULL
        yield Asked(column, "is null" if null else "other")
        return
    if isinstance(node, ast.A_Expr) and node.kind == enums.A_Expr_Kind.AEXPR_OP:
        name = operator(node)
        left, right = mine(node.lexpr), mine(node.rexpr)
        if name == "=" and bool(left) != bool(right):
            yield Asked(left or right, "=", value(node.rexpr if left else node.lexpr))
            return
        if (name == "<" and left and not right) or (name == ">" and right and not left):
            yield Asked(left or right, "<", value(node.rexpr if left else node.lexpr))
            return
    for one in below(node):
        if column := mine(one):
            yield Asked(column, "other")
