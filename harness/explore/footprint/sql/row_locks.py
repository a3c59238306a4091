"""The locks that a SELECT takes on rows."""

from __future__ import annotations

from paidonce.harness.explore.footprint.model import KEY, REST
from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.certain_locks import one_row
from paidonce.harness.explore.footprint.sql.effects import Context, Key
from paidonce.harness.explore.footprint.sql.scope import Scope
from paidonce.harness.explore.footprint.sql.symbols import Pattern, pattern
from paidonce.harness.explore.footprint.sql.trees import Tree
from paidonce.harness.sql_trees import ast, enums

_STRENGTH = enums.LockClauseStrength
_WAITS = enums.LockWaitPolicy.LockWaitBlock
_KEEPS = frozenset({_STRENGTH.LCS_FORUPDATE, _STRENGTH.LCS_FORNOKEYUPDATE, _STRENGTH.LCS_FORSHARE})
"""Locks that keep all of a row as it is (manual, table 13.3); FOR KEY SHARE does not."""


def rows_of(scope: Scope, number: int) -> list[tuple[Table, Key]]:
    """Return the rows of tables that a source of a query is made from."""
    source = scope.sources[number]
    if source.table is None:
        return source.rows
    return [(source.table, key) for key in scope.keys(number)]


def lock_rows(ctx: Context, clause: ast.LockingClause, scope: Scope) -> None:
    """Read FOR UPDATE and its kind into the context's effects."""
    named = {name.relname for name in clause.lockedRels or ()}
    for number, source in enumerate(scope.sources):
        if named and source.alias not in named:
            continue
        for table, key in rows_of(scope, number):
            lock = _row_lock(table, key, clause.strength)
            ctx.effects.locks[lock] = None
            ctx.effects.may_fail = True
            if clause.waitPolicy != _WAITS:  # SKIP LOCKED and NOWAIT ask who has locked it
                ctx.effects.tests[lock] = None


def lock_of_the_only_row(ctx: Context, node: ast.SelectStmt, scope: Scope) -> Pattern | None:
    """Return the lock on the one row a SELECT is about, and waits for, so that it cannot change."""
    items: tuple[Tree, ...] = node.fromClause or ()
    clauses: tuple[Tree, ...] = node.lockingClause or ()
    if len(items) != 1 or not isinstance(items[0], ast.RangeVar) or len(scope.keys(0)) != 1:
        return None
    (source,) = scope.sources
    table = source.table
    if table is None or not one_row(ctx, table, source.alias, node.whereClause):
        return None
    if len(clauses) != 1 or clauses[0].waitPolicy != _WAITS or clauses[0].strength not in _KEEPS:
        return None
    (key,) = scope.keys(0)
    return _row_lock(table, key, clauses[0].strength)


def rows_may_be_many(ctx: Context, node: ast.SelectStmt, scope: Scope) -> bool:
    """Return whether a function in the query may be called for one row after the other."""
    items: tuple[Tree, ...] = node.fromClause or ()
    if not items or (len(items) == 1 and isinstance(items[0], ast.RangeFunction)):
        return False
    table = scope.sources[0].table if len(scope.sources) == 1 else None
    return table is None or not one_row(ctx, table, scope.sources[0].alias, node.whereClause)


def _row_lock(table: Table, key: Key, strength: enums.LockClauseStrength) -> Pattern:
    """Return the lock of SELECT ... FOR something on the rows with ``key``."""
    place: tuple[str, ...] = table.place
    shared = False
    match strength:
        case _STRENGTH.LCS_FORKEYSHARE:
            # Others may change what is not part of a key meanwhile: it tells no rows apart.
            kept = table.key_columns()
            key = {column: match for column, match in key.items() if column in kept}
            place, shared = (*place, KEY), True
        case _STRENGTH.LCS_FORSHARE:
            shared = True
        case _STRENGTH.LCS_FORNOKEYUPDATE:
            place = (*place, REST)
    return pattern(place, key, shared=shared)
