"""The footprints of the texts sent to one database, each of which is read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from paidonce.harness.explore.footprint.sql import timeouts
from paidonce.harness.explore.footprint.sql.calls import ADVISORY
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.certain_rows import rows_changed, rows_seen
from paidonce.harness.explore.footprint.sql.effects import Context, Effects
from paidonce.harness.explore.footprint.sql.statement import read_alone, statement
from paidonce.harness.explore.footprint.sql.statement_footprint import (
    StatementFootprint,
    is_new,
    without_maker,
)
from paidonce.harness.explore.footprint.sql.symbols import Params, Pattern
from paidonce.harness.explore.footprint.sql.template import Template
from paidonce.harness.explore.footprint.sql.trees import NotParsed, TreeReader, below, parsed
from paidonce.harness.sql_trees import ast


def _as_tuple(nulls: Container[int]) -> tuple[int, ...] | None:
    return tuple(nulls) if isinstance(nulls, Sequence) else None


_NEEDS_THE_SESSION = frozenset(
    {"begin", "commit", "rollback", "savepoint", "release", "rollback to", "set", "prepare"}
    | {"execute", "declare", "fetch", "discard", "constraints"}
)
"""The kinds of statements of which a session's state decides what they do."""
_BOUND_REMEMBERED = 1024
"""Statements with their values: an execution's own come again in it, and never after it."""


class Footprints:
    """The footprints of statements on one database; each text is read once.

    With ``tells_new_rows`` a row that is made under a key of its own has ``MADE`` in its key.
    """

    def __init__(
        self, catalog: Catalog, *, remembered: int = 4096, tells_new_rows: bool = False
    ) -> None:
        self.catalog = catalog
        self._tells_new_rows = tells_new_rows
        self._reader = TreeReader(catalog.enums)
        self._templates = lru_cache(maxsize=remembered)(self._read)
        self._bound: OrderedDict[Any, tuple[StatementFootprint, ...]] = OrderedDict()
        self.may_set_timeouts = lru_cache(maxsize=remembered)(self._may_set_timeouts)
        """Tells of a text whether it may set a timeout by calling a function."""

    def of(
        self,
        sql: str,
        params: Sequence[str | None] = (),
        *,
        nulls: Container[int] = (),
        path: tuple[str, ...] | None = None,
    ) -> tuple[StatementFootprint, ...]:
        """Return the footprints of the statements in ``sql``; none for an empty query.

        ``params`` are as text; one that is None cannot be told, or is null if its index (from 0)
        is in ``nulls``. ``path`` is the search path if it is not what sessions begin with.
        """
        where = self.catalog.search_path if path is None else path
        # An isinstance of an abstract class takes longer than all the rest, and most are tuples.
        listed = nulls if isinstance(nulls, tuple) else _as_tuple(nulls)
        key = (sql, tuple(params), listed, where)
        footprints = self._bound.get(key)
        if footprints is not None:
            self._bound.move_to_end(key)
            return footprints
        bound = Params(params, nulls)
        footprints = tuple(
            self._told(template.bound(bound)) for template in self._templates(sql, where)
        )
        if listed is not None:
            self._bound[key] = footprints
            if len(self._bound) > _BOUND_REMEMBERED:
                self._bound.popitem(last=False)
        return footprints

    def _may_set_timeouts(self, sql: str) -> bool:
        if timeouts.may_set(sql):
            return True
        return any(function in sql for function, _ in self.catalog.timing)

    def of_tree(self, node: ast.Node, params: Params, path: tuple[str, ...]) -> StatementFootprint:
        """Return the footprint of a statement inside another one (PREPARE, DECLARE)."""
        return self._told(self._template(node, path).bound(params))

    def _told(self, footprint: StatementFootprint) -> StatementFootprint:
        """Return the footprint, with rows that are new marked so for those who ask for it."""
        if self._tells_new_rows or not any(is_new(row) for row in footprint.writes):
            return footprint
        writes = frozenset(without_maker(row) for row in footprint.writes)
        return msgspec.structs.replace(footprint, writes=writes)

    def constants(self, nodes: Sequence[ast.Node]) -> Params:
        """Return the arguments of EXECUTE as parameters."""
        symbols = [self._reader.symbol(node) for node in nodes]
        return Params([None if symbol is None else symbol.value(Params()) for symbol in symbols])

    def _read(self, sql: str, path: tuple[str, ...]) -> tuple[Template, ...]:
        try:
            nodes = parsed(sql)
        except NotParsed:
            everything = Effects()
            everything.everything()
            return (Template("other", everything, snapshot=True),)
        return tuple(self._template(node, path) for node in nodes)

    def _template(self, node: ast.Node, path: tuple[str, ...]) -> Template:
        effects = Effects()
        ctx = Context(self.catalog, path, effects, self._reader, statement)
        try:
            kind, snapshot = read_alone(ctx, node)
        except RecursionError:
            effects.everything()
            kind, snapshot = "other", True
        return Template(
            kind,
            effects,
            snapshot=snapshot,
            node=node if kind in _NEEDS_THE_SESSION else None,
            surely=_advisory_locks(node, effects),
            alone=_changed_alone(node, effects, self.catalog, path),
            row_seen=rows_seen(ctx, node),
            row_changed=rows_changed(ctx, node),
        )


def _advisory_locks(node: ast.Node, effects: Effects) -> list[Pattern]:
    """Return the advisory locks that a statement takes for its transaction, and does no more."""
    only = (
        isinstance(node, ast.SelectStmt)
        and not (node.fromClause or node.whereClause or node.withClause or effects.within)
        and all(isinstance(target.val, ast.FuncCall) for target in node.targetList or ())
    )
    key_lengths = {"number": 1, "pair": 2}
    return [
        lock
        for lock in effects.locks
        if only
        and lock.place[:1] == (ADVISORY,)
        and lock not in effects.tests
        and len(lock.key) == key_lengths.get(lock.place[-1])
    ]


def _changed_alone(
    node: ast.Node, effects: Effects, catalog: Catalog, path: tuple[str, ...]
) -> str:
    """Return the table whose rows a statement changes by one look, if it does nothing else."""
    if not isinstance(node, ast.UpdateStmt | ast.DeleteStmt) or node.withClause:
        return ""
    others = node.fromClause if isinstance(node, ast.UpdateStmt) else node.usingClause
    if others or any(isinstance(part, ast.SubLink) for part in below(node)):
        return ""
    table = catalog.table(node.relation.schemaname, node.relation.relname, path)
    if table is None or table.kind != "table" or table.rules or table.row_security:
        return ""
    if effects.within or effects.after or effects.session or effects.at_once or effects.tests:
        return ""
    places = {pattern.place[:2] for pattern in (*effects.locks, *effects.writes)}
    return table.place[1] if places == {table.place} else ""


def footprint(
    sql: str, params: Sequence[str | None], catalog: Catalog
) -> tuple[StatementFootprint, ...]:
    """Return the footprints of the statements in ``sql``; ``Footprints.of`` is quicker."""
    return Footprints(catalog).of(sql, params)
