"""Columns whose values a sequence makes up: they differ in every execution.

A UUID is known for one wherever it stands; the number 31 is not. Which columns hold such numbers
the catalog says: those with a sequence of their own, and those that refer to them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import psycopg
from psycopg import sql

from paidonce.harness.explore.footprint.sql.catalog import Catalog, Column
from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed
from paidonce.harness.sql_trees import ast

Root = tuple[str, str]
"""The table and the column whose sequence a value is from."""


@dataclass(frozen=True)
class Serials:
    """``roots`` by place in footprints and column.

    ``floors`` are the largest values before any execution: what is not above has always been
    there, and is the same in all of them.
    """

    roots: Mapping[tuple[tuple[str, ...], str], Root] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Root]] = field(default_factory=dict)
    floors: Mapping[Root, int] = field(default_factory=dict)

    def root(self, place: tuple[str, ...], column: str) -> Root | None:
        """Whose values the column of a resource holds; None if no sequence's."""
        return self.roots.get((place[:2], column))

    @cached_property
    def places(self) -> frozenset[tuple[str, ...]]:
        """The places of tables that have such columns."""
        return frozenset(place for place, _ in self.roots)

    def has(self, column: str) -> bool:
        """Return whether a column of that name takes its values from a sequence, in some table."""
        return bool(self.roots_of(column))

    def roots_of(self, column: str) -> tuple[Root, ...]:
        """Whose values the columns of that name hold, in whichever tables."""
        return self._by_column.get(column, ())

    @property
    def columns(self) -> Container[str]:
        """Return the columns that ``has`` is true of."""
        return self._by_column

    @cached_property
    def _by_column(self) -> dict[str, tuple[Root, ...]]:
        found: dict[str, dict[Root, None]] = {}
        for (_, column), root in sorted(self.roots.items()):
            found.setdefault(column, {})[root] = None
        return {column: tuple(roots) for column, roots in found.items()}

    def lasting(self, root: Root, value: str) -> bool:
        """Return whether the value was there before any execution."""
        return value.lstrip("-").isdigit() and int(value) <= self.floors.get(root, 0)

    def made_by(self, statement: str) -> Mapping[str, Root]:
        """The columns of the table an INSERT is into; empty for another statement."""
        table = _target(statement)
        return {} if table is None else self.tables.get(table, {})


def serials_of(catalog: Catalog, url: str) -> Serials:
    """The sequences' columns of the database at ``url``, whose catalog was read."""
    serials = serial_columns(catalog)
    return replace(serials, floors=_floors(set(serials.roots.values()), url))


def serial_columns(catalog: Catalog) -> Serials:
    """The same by the catalog alone: which columns, without what is in them."""
    roots: dict[Root, Root] = {
        (table.name, column.name): (table.name, column.name)
        for table in catalog.tables.values()
        for column in table.columns
        if _from_a_sequence(column)
    }
    found = True
    while found:  # a reference may refer to a reference
        found = False
        for keys in catalog.referring.values():
            for key in keys:
                for mine, theirs in zip(key.columns, key.target_columns, strict=True):
                    root = roots.get((key.target, theirs))
                    if root is not None and (key.table, mine) not in roots:
                        roots[key.table, mine] = root
                        found = True
    places: dict[tuple[tuple[str, ...], str], Root] = {
        (catalog.tables[table].place, column): root for (table, column), root in roots.items()
    }
    tables: dict[str, dict[str, Root]] = {}
    for (table, column), root in roots.items():
        tables.setdefault(table.rpartition(".")[2], {})[column] = root
    return Serials(places, tables)


def _from_a_sequence(column: Column) -> bool:
    return column.identity or "nextval(" in (column.default or "")


def _floors(roots: set[Root], url: str) -> dict[Root, int]:
    floors: dict[Root, int] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for table, column in sorted(roots):
            query = sql.SQL("SELECT max({}) FROM {}").format(
                sql.Identifier(column), sql.Identifier(*table.split(".", 1))
            )
            row = connection.execute(query).fetchone()
            if row is not None and isinstance(row[0], int):
                floors[table, column] = row[0]
    return floors


@lru_cache(maxsize=1024)
def _target(statement: str) -> str | None:
    """The table an INSERT is into, without its schema."""
    if "insert" not in statement.lower():
        return None
    try:
        nodes = parsed(statement)
    except NotParsed:
        return None
    for node in nodes:
        if isinstance(node, ast.InsertStmt) and node.relation is not None:
            return str(node.relation.relname)
    return None
