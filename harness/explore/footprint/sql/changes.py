"""The effects of INSERT, UPDATE, DELETE, MERGE and the like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.certain_locks import (
    alias_of,
    by_key_alone,
    changes_one_row,
    one_row,
)
from paidonce.harness.explore.footprint.sql.constraints import (
    Change,
    apply,
    as_assigned,
    fire,
    modified_columns,
)
from paidonce.harness.explore.footprint.sql.effects import Context, Effects, Outputs, changed_place
from paidonce.harness.explore.footprint.sql.inserts import (
    Row,
    arbiters,
    given_columns,
    insert,
    stored,
    values_rows,
)
from paidonce.harness.explore.footprint.sql.queries import (
    expressions,
    from_clause,
    look_at_all,
    outputs,
    relation,
    select,
    with_clause,
)
from paidonce.harness.explore.footprint.sql.scope import Scope, Source
from paidonce.harness.explore.footprint.sql.symbols import Symbol, pattern
from paidonce.harness.explore.footprint.sql.trees import Tree
from paidonce.harness.sql_trees import ast, enums

_ALTERED = enums.CmdType


def update(ctx: Context, node: ast.UpdateStmt, outer: Scope | None) -> Outputs | None:
    """Read an UPDATE; returns the columns of RETURNING."""
    changing = _Changing(ctx, node, outer)
    target, ctx = changing.target, changing.ctx
    if target is None or target.table is None:
        ctx.effects.everything()
        return None
    parts = (node.targetList, node.whereClause, node.returningClause)
    scope = changing.read(node.fromClause or (), parts, outer)
    columns, values = assignments(ctx, target.table, node.targetList, scope)
    modified = modified_columns(ctx, target.table, columns)
    changes = [
        Change(target.table, key, modified, as_assigned(ctx, target.table, values))
        for key in scope.keys(0)
    ]
    changing.look(scope, changes)
    mark = ctx.effects.mark
    for change in changes:
        apply(ctx, change)
    if not changing.one:
        ctx.effects.repeated(mark)
    return _returned(ctx, node.returningClause, scope, modified)


def delete(ctx: Context, node: ast.DeleteStmt, outer: Scope | None) -> Outputs | None:
    """Read a DELETE; returns the columns of RETURNING."""
    changing = _Changing(ctx, node, outer)
    target, ctx = changing.target, changing.ctx
    if target is None or target.table is None:
        ctx.effects.everything()
        return None
    parts = (node.whereClause, node.returningClause)
    scope = changing.read(node.usingClause or (), parts, outer)
    changes = [Change(target.table, key) for key in scope.keys(0)]
    changing.look(scope, changes)
    mark = ctx.effects.mark
    for change in changes:
        apply(ctx, change)
    if not changing.one:
        ctx.effects.repeated(mark)
    return _returned(ctx, node.returningClause, scope, frozenset())


class _Changing:
    """An UPDATE or DELETE while it is read: its table, and what it does around changing that."""

    def __init__(self, ctx: Context, node: Any, outer: Scope | None) -> None:
        self.around = Effects()
        self.one = False
        """True if it is about one row, so that triggers and functions run once."""
        self._node = node
        self._inner = with_clause(ctx.gathering(self.around), node.withClause, outer)
        self.target = _target(self._inner, node.relation)
        self.ctx = self._inner.gathering(ctx.effects)
        if self.target is None:
            ctx.effects.add(self.around)

    def read(self, items: tuple[Tree, ...], parts: tuple[Tree, ...], outer: Scope | None) -> Scope:
        """Read what else is in FROM, and all expressions; returns what names mean in them."""
        assert self.target is not None
        scope = from_clause(self._inner, items, self._node.whereClause, outer, self.target)
        look_at_all(self._inner, scope, but=0)
        expressions(self._inner, parts, scope)
        self._items = items
        return scope

    def look(self, scope: Scope, found: Sequence[Change]) -> None:
        """Look at the rows to be changed: again after a wait, if it is one that is locked."""
        assert self.target is not None
        table, effects, around = self.target.table, self.ctx.effects, self.around
        assert table is not None
        ones = self._ones()
        alias = self.target.alias
        self.one = (
            len(found) == 1
            and ones is not None
            and one_row(self._inner, table, alias, self._node.whereClause, ones)
        )
        if not self.one:
            around.repeated((0, 0))
        if self.one and not any(
            trigger.before and found[0].event in trigger.events for trigger in table.triggers
        ):
            change = found[0]
            place = changed_place(table, change.modified)
            first = around.untouched and not ones
            around.not_first()
            effects.add(around)
            effects.look_and_lock(
                table,
                change.key,
                pattern(place, change.kept),
                first=first,
                alone=by_key_alone(self._inner, table, alias, self._node.whereClause),
            )
            return
        around.not_first()
        effects.add(around)
        effects.look(table, scope.keys(0))

    def _ones(self) -> frozenset[str] | None:
        """The names of what else is in FROM, if all that has one row at most."""
        clause = self._node.withClause
        ones = {
            cte.ctename
            for cte in (clause.ctes if clause else ())
            if not clause.recursive and changes_one_row(self._inner, cte.ctequery)
        }
        found = set()
        for item in self._items:
            if not isinstance(item, ast.RangeVar) or item.schemaname or item.relname not in ones:
                return None
            found.add(alias_of(item))
        return frozenset(found)


def merge(ctx: Context, node: ast.MergeStmt, outer: Scope | None) -> Outputs | None:
    """Read a MERGE: every action it may take on any row of the target.

    Which rows are matched is decided by a join that is seldom about known values.
    """
    changing = _Changing(ctx, node, outer)
    target, ctx = changing.target, changing.ctx
    if target is None or target.table is None:
        ctx.effects.everything()
        return None
    changing.around.not_first()
    ctx.effects.add(changing.around)
    table = target.table
    scope = from_clause(ctx, (node.sourceRelation,), None, outer, target)
    look_at_all(ctx, scope)
    expressions(ctx, (node.joinCondition, node.mergeWhenClauses, node.returningClause), scope)
    for clause in node.mergeWhenClauses:
        if clause.commandType == _ALTERED.CMD_UPDATE:
            columns, _ = assignments(ctx, table, clause.targetList, scope)
            apply(ctx, Change(table, {}, modified_columns(ctx, table, columns)))
        elif clause.commandType == _ALTERED.CMD_DELETE:
            apply(ctx, Change(table, {}))
        elif clause.commandType == _ALTERED.CMD_INSERT:
            insert_unknown(ctx, table)
    return None


def insert_unknown(ctx: Context, table: Table) -> None:
    """Insert rows of which nothing is known."""
    mark = ctx.effects.mark
    insert(ctx, table, [dict.fromkeys(column.name for column in table.columns)])
    ctx.effects.repeated(mark)


def insert_statement(ctx: Context, node: ast.InsertStmt, outer: Scope | None) -> Outputs | None:
    """Read an INSERT; returns the columns of RETURNING."""
    changing = _Changing(ctx, node, outer)
    target, ctx = changing.target, changing.ctx
    if target is None or target.table is None:
        ctx.effects.everything()
        return None
    if not _passed_on(changing.ctx, node):
        changing.around.not_first()
    ctx.effects.add(changing.around)
    table, known_first = target.table, len(ctx.effects.fresh)
    given = _new_rows(ctx, table, node, outer)
    if node.override == enums.OverridingKind.OVERRIDING_USER_VALUE:
        made_up = {column.name for column in table.columns if column.identity}
        given = [{name: row[name] for name in row if name not in made_up} for row in given]
    mark = ctx.effects.mark
    rows = insert(ctx, table, given)
    if len(given) > 1 or (node.selectStmt is not None and node.selectStmt.fromClause):
        ctx.effects.repeated(mark)
    known = stored(table, rows[0]) if len(rows) == 1 else {}
    scope = Scope(outer, [target], disjuncts=[{0: known}])
    if node.onConflictClause is not None:
        _on_conflict(ctx, table, node, rows, scope)
        if node.onConflictClause.targetList:
            scope.disjuncts = [{}]  # what is returned may be the row that was there
    expressions(ctx, node.returningClause, scope)
    later = node.onConflictClause is not None or node.returningClause is not None
    if len(ctx.effects.fresh) > known_first and (later or not changing.around.untouched):
        ctx.effects.not_first()
    return _returned(ctx, node.returningClause, scope, frozenset())


def _new_rows(ctx: Context, table: Table, node: ast.InsertStmt, outer: Scope | None) -> list[Row]:
    columns = given_columns(table, node)
    query = node.selectStmt
    if query is None:
        return [{}]
    assert isinstance(query, ast.SelectStmt)
    query_result = select(ctx, query, outer)
    if query.valuesLists:
        return values_rows(ctx, table, columns, query.valuesLists)
    row: Row = dict.fromkeys(columns)
    targets = query.targetList or ()
    stars = any(isinstance(target.val, ast.ColumnRef) and _star(target.val) for target in targets)
    if query_result.scope is not None and not stars:
        for name, target in zip(columns, targets, strict=False):
            column = table.column(name)
            if column is not None:
                row[name] = query_result.scope.value(target.val, ctx.reader, column.type)
    return [row]


def _passed_on(ctx: Context, node: ast.InsertStmt) -> bool:
    """Return whether the inserted rows are those that the one query of WITH has locked and
    returned, so that all the INSERT waits for is waited for after that."""
    clause, query = node.withClause, node.selectStmt
    if clause is None or len(clause.ctes) != 1 or not isinstance(query, ast.SelectStmt):
        return False
    items: tuple[Tree, ...] = query.fromClause or ()
    return (
        len(items) == 1
        and isinstance(items[0], ast.RangeVar)
        and not items[0].schemaname
        and items[0].relname == clause.ctes[0].ctename
        and changes_one_row(ctx, clause.ctes[0].ctequery)
    )


def _star(node: ast.ColumnRef) -> bool:
    return isinstance(node.fields[-1], ast.A_Star)


def _on_conflict(
    ctx: Context, table: Table, node: ast.InsertStmt, rows: list[Row], returned: Scope
) -> None:
    clause = node.onConflictClause
    assert clause is not None
    if clause.action != enums.OnConflictAction.ONCONFLICT_UPDATE:
        return  # it waits for the entries of unfinished rows, as any INSERT does
    for row in rows:
        new = stored(table, row)
        for index in arbiters(table, clause):
            key = {column: new[column] for column in index.columns if column and column in new}
            ctx.effects.look_again(table, [key])  # at the row that is in the way, committed or not
            ctx.effects.again[pattern(table.place, key)] = None  # and locks it, whatever it is
            sources = [*returned.sources, Source("excluded", table)]
            scope = Scope(returned.parent, sources, disjuncts=[{0: key, 1: new}])
            expressions(ctx, (clause.targetList, clause.whereClause), scope)
            columns, values = assignments(ctx, table, clause.targetList, scope)
            modified = modified_columns(ctx, table, columns)
            apply(ctx, Change(table, key, modified, as_assigned(ctx, table, values)))


def truncate(ctx: Context, node: ast.TruncateStmt) -> None:
    """Read a TRUNCATE: it keeps even readers out until COMMIT."""
    if node.behavior == enums.DropBehavior.DROP_CASCADE:
        ctx.effects.everything()
        return
    for name in node.relations:
        target = _target(ctx, name)
        if target is None or target.table is None:
            ctx.effects.everything()
            return
        ctx.effects.lock_table(target.table, readers=True)
        fire(ctx, target.table, "truncate")


def assignments(
    ctx: Context, table: Table, targets: tuple[Tree, ...], scope: Scope
) -> tuple[frozenset[str], dict[str, Symbol]]:
    """The columns SET assigns, and the values it gives them as far as they are known."""
    columns: set[str] = set()
    values: dict[str, Symbol] = {}
    for target in targets or ():
        assert isinstance(target, ast.ResTarget)
        assert target.name is not None
        columns.add(target.name)
        column = table.column(target.name)
        if column is None or target.indirection:
            continue
        value: Tree = target.val
        if isinstance(value, ast.MultiAssignRef):
            row = value.source
            whole = isinstance(row, ast.RowExpr) and len(row.args or ()) == value.ncolumns
            value = row.args[value.colno - 1] if whole else None
        symbol = scope.value(value, ctx.reader, column.type)
        if symbol is not None:
            values[target.name] = symbol
    return frozenset(columns), values


def _target(ctx: Context, node: ast.RangeVar) -> Source | None:
    """The table to be changed; None for what is not simply a table."""
    # A CTE's name does not stand for a table to be changed.
    source = relation(ctx.apart(), node)
    if node.relname in ctx.ctes and source.table is None:
        return None
    return source


def _returned(
    ctx: Context,
    clause: ast.ReturningClause | None,
    scope: Scope,
    modified: frozenset[str],
) -> Outputs | None:
    """The columns of RETURNING. They show the new row, where what was known may be otherwise."""
    if clause is None:
        return {}
    if scope.disjuncts is not None:
        for known in scope.disjuncts:
            for column in modified & set(known.get(0, {})):
                del known[0][column]
    return outputs(ctx, clause.exprs, scope)
