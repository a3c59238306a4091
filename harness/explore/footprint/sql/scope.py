"""The meaning of names inside a query."""

from __future__ import annotations

from dataclasses import dataclass, field

from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.effects import Key, Output, Outputs
from paidonce.harness.explore.footprint.sql.predicate import ColumnMeaning, Keys, Slot
from paidonce.harness.explore.footprint.sql.symbols import Match, Symbol
from paidonce.harness.explore.footprint.sql.trees import Tree, TreeReader
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.sql_trees import ast


@dataclass
class Source:
    """An item of FROM: a table, or something with ``outputs`` (None: their names are not known).

    ``rows`` are the tables, and which rows of them, that a lock on this item locks.
    """

    alias: str
    table: Table | None = None
    outputs: Outputs | None = None
    rows: list[tuple[Table, Key]] = field(default_factory=list)

    def type_of(self, column: str) -> ColumnType | None:
        """The type of a column, None if it has none of that name."""
        if self.table is not None:
            found = self.table.column(column)
            return None if found is None else found.type
        if self.outputs is None or column not in self.outputs:
            return None
        match = self.outputs[column].match
        return ColumnType() if match is None else match.type

    @property
    def opaque(self) -> bool:
        """Return whether it may have columns of any name."""
        return self.table is None and self.outputs is None

    def known(self) -> Key:
        """Its columns with known values."""
        outputs = self.outputs or {}
        return {name: output.match for name, output in outputs.items() if output.match is not None}


@dataclass
class Scope:
    """The names of one query. ``disjuncts`` has what is known of the rows the query is about,
    once its conditions have been read."""

    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    """Columns named in USING."""
    outer_joins: bool = False
    nullable: set[int] = field(default_factory=set)
    """Sources whose columns are all null where an outer join finds nothing."""
    disjuncts: list[Keys] | None = None

    def add(self, source: Source) -> int:
        """The new source's number."""
        self.sources.append(source)
        return len(self.sources) - 1

    def initial(self) -> Keys:
        """Return the keys that the sources have by themselves, before any condition."""
        return {number: source.known() for number, source in enumerate(self.sources)}

    def resolve(self, node: ast.ColumnRef) -> ColumnMeaning:
        """Return the meaning of a column reference here; nothing if that cannot be told."""
        names = [part.sval for part in node.fields if isinstance(part, ast.String)]
        if len(names) != len(node.fields):
            return ColumnMeaning()
        numbers = self._candidates(names)
        if numbers is None:
            return ColumnMeaning()
        slots: list[tuple[Slot, ColumnType]] = []
        for number in numbers:
            kind = self.sources[number].type_of(names[-1])
            if kind is not None:
                slots.append(((number, names[-1]), kind))
        if slots:
            if len(slots) > 1 and names[-1] not in self.merged:
                return ColumnMeaning()
            return ColumnMeaning(tuple(slots))
        if self.parent is None or (len(names) > 1 and numbers):
            return ColumnMeaning()
        return ColumnMeaning(match=self.parent.match(node))

    def match(self, node: ast.ColumnRef) -> Match | None:
        """The value of a column in the rows this query is about, if it is the same in all."""
        column_meaning = self.resolve(node)
        if column_meaning.match is not None:
            return column_meaning.match
        if self.disjuncts is None or len(self.disjuncts) != 1 or not column_meaning.slots:
            return None
        (number, column), _ = column_meaning.slots[0]
        if number in self.nullable:
            return None
        return self.disjuncts[0].get(number, {}).get(column)

    def value(self, node: Tree, reader: TreeReader, kind: ColumnType) -> Symbol | None:
        """The value of an expression that goes into a column of type ``kind``."""
        if isinstance(node, ast.ColumnRef):
            match = self.match(node)
            return match.symbol if match and match.type.family == kind.family else None
        return reader.symbol(node)

    def keys(self, number: int) -> list[Key]:
        """Return the keys of a source's rows, one for each disjunct."""
        return [known.get(number, {}) for known in self.disjuncts or [{}]]

    def _candidates(self, names: list[str]) -> list[int] | None:
        """The sources a reference may be to; None if it may be to anything."""
        if len(names) == 1:
            if any(source.opaque for source in self.sources):
                having = [n for n, s in enumerate(self.sources) if s.type_of(names[0]) is not None]
                return having or None
            return list(range(len(self.sources)))
        if len(names) == 2:
            return [n for n, s in enumerate(self.sources) if s.alias == names[0]]
        named = ".".join(names[:2])
        return [n for n, s in enumerate(self.sources) if s.table and s.table.name == named]


def unknown(names: list[str]) -> Outputs:
    """Columns of which only the names are known."""
    return {name: Output() for name in names}
