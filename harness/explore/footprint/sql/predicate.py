"""Which rows of which tables a condition is about: the columns it wants equal to known values.

A condition is brought into a disjunction of conjunctions, as far as that stays small; from each
conjunction the equalities are kept and followed through joins (``a.id = b.a_id AND a.id = 1``
is about ``b.a_id = 1`` too). All else in it only makes the set of rows smaller, and is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from paidonce.harness.explore.footprint.sql.symbols import NULL, Const, Match, Symbol
from paidonce.harness.explore.footprint.sql.trees import Tree, TreeReader, operator, strings
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.sql_trees import ast, enums

_MOST = 16
"""Conjunctions a condition may become."""

Slot = tuple[int, str]
"""A column of a source: the source's number, and the column's name."""


@dataclass(frozen=True)
class ColumnMeaning:
    """The meaning of a column reference: slots in this scope (several with USING), or a value from
    outside of it."""

    slots: tuple[tuple[Slot, ColumnType], ...] = ()
    match: Match | None = None


@dataclass(frozen=True)
class Fact:
    """A slot equals a value or another slot, for the sources in ``about`` (None: for all).

    The condition of an outer join says something about one side of it only.
    """

    slot: Slot
    type: ColumnType
    value: Match | None = None
    other: Slot | None = None
    about: frozenset[int] | None = None


Facts = tuple[Fact, ...]
Keys = dict[int, dict[str, Match]]
"""For each source its columns with known values."""


class Conditions:
    """Reads conditions in one scope. ``resolve`` tells what a column reference means there."""

    def __init__(
        self,
        reader: TreeReader,
        resolve: Callable[[ast.ColumnRef], ColumnMeaning],
        *,
        outer_joins: bool,
    ) -> None:
        self._reader = reader
        self._resolve = resolve
        self._outer_joins = outer_joins

    def read(self, node: Tree, about: frozenset[int] | None) -> list[Facts]:
        """The conjunctions of a condition; one without facts is about all rows."""
        if isinstance(node, ast.BoolExpr):
            if node.boolop == enums.BoolExprType.AND_EXPR:
                return conjunction([self.read(arg, about) for arg in node.args])
            if node.boolop == enums.BoolExprType.OR_EXPR:
                args = [facts for arg in node.args for facts in self.read(arg, about)]
                return args if len(args) <= _MOST else [()]
            return [()]
        return [tuple(self._facts(node, about))]

    def _facts(self, node: Tree, about: frozenset[int] | None) -> list[Fact]:
        kinds = enums.A_Expr_Kind
        match node:
            case ast.NullTest() if node.nulltesttype == enums.NullTestType.IS_NULL:
                # After an outer join it may mean that there is no row at all.
                if self._outer_joins or not isinstance(node.arg, ast.ColumnRef):
                    return []
                slots = self._resolve(node.arg).slots
                return [
                    Fact(slot, kind, Match(Const(NULL), kind, stored=True), about=about)
                    for slot, kind in slots
                ]
            case ast.A_Expr() if operator(node) == "=":
                if node.kind == kinds.AEXPR_OP:
                    return self._equal(node.lexpr, node.rexpr, about)
                if node.kind == kinds.AEXPR_NOT_DISTINCT and not self._outer_joins:
                    # As in a stored value, null is a value like others here.
                    facts = self._equal(node.lexpr, node.rexpr, about)
                    return [_with_null(fact) for fact in facts if fact.value is not None]
                if node.kind == kinds.AEXPR_IN and isinstance(node.rexpr, tuple):
                    return self._any_of(node.lexpr, self._reader.one_of(node.rexpr), about)
                if node.kind == kinds.AEXPR_OP_ANY:
                    return self._any_of(node.lexpr, self._reader.options(node.rexpr), about)
        return []

    def _equal(self, left: Tree, right: Tree, about: frozenset[int] | None) -> list[Fact]:
        if isinstance(left, ast.RowExpr) and isinstance(right, ast.RowExpr):
            pairs = zip(left.args or (), right.args or (), strict=False)
            return [fact for one, other in pairs for fact in self._equal(one, other, about)]
        column_meaning, other = self._column(left), self._column(right)
        facts: list[Fact] = []
        for this, that, side in ((column_meaning, other, right), (other, column_meaning, left)):
            if this is None:
                continue
            symbol = self._reader.symbol(side) if that is None else None
            for slot, kind in this.slots:
                if symbol is not None:
                    facts.append(Fact(slot, kind, Match(symbol, kind), about=about))
                if that is not None and that.match is not None:
                    match = same_value(that.match, kind)
                    if match is not None:
                        facts.append(Fact(slot, kind, match, about=about))
                for far, far_kind in that.slots if that is not None else ():
                    if far_kind.family == kind.family:
                        facts.append(Fact(slot, kind, other=far, about=about))
        return facts

    def _any_of(
        self, left: Tree, symbol: Symbol | None, about: frozenset[int] | None
    ) -> list[Fact]:
        column = self._column(left)
        if column is None or symbol is None:
            return []
        return [Fact(slot, kind, Match(symbol, kind), about=about) for slot, kind in column.slots]

    def _column(self, node: Tree) -> ColumnMeaning | None:
        """Return the meaning of one side of an equality if it is a column, perhaps one cast to
        text."""
        if isinstance(node, ast.ColumnRef):
            return self._resolve(node)
        if isinstance(node, ast.TypeCast) and isinstance(node.arg, ast.ColumnRef):
            column_meaning = self._resolve(node.arg)
            name = node.typeName
            if name.typmods or name.arrayBounds or strings(name.names)[-1] not in _TEXTS:
                return None
            if all(kind.family in _WRITTEN_ONE_WAY for _, kind in column_meaning.slots):
                return ColumnMeaning(column_meaning.slots)
        return None


def _with_null(fact: Fact) -> Fact:
    assert fact.value is not None
    return replace(fact, value=replace(fact.value, stored=True))


_TEXTS = frozenset({"text", "varchar"})
_WRITTEN_ONE_WAY = frozenset({"int", "uuid", "text", "varchar", "bool"})


def same_value(match: Match, kind: ColumnType) -> Match | None:
    """A match carried over to another column; only between columns of one family."""
    return match if match.type.family == kind.family else None


def conjunction(parts: Sequence[list[Facts]]) -> list[Facts]:
    """All of several conditions at once; those that would make it too large are dropped."""
    found: list[Facts] = [()]
    for part in sorted(parts, key=len):
        if len(found) * len(part) <= _MOST:
            found = [(*facts, *more) for facts in found for more in part]
    return found


def keys(facts: Facts, known: Keys) -> Keys:
    """The values of columns that follow from the facts, and from what is ``known`` of sources."""
    found: Keys = {source: dict(columns) for source, columns in known.items()}
    grown = True
    while grown:
        grown = False
        for fact in facts:
            source, column = fact.slot
            if fact.about is not None and source not in fact.about:
                continue
            match = fact.value
            if match is None and fact.other is not None:
                far, name = fact.other
                carried = found.get(far, {}).get(name)
                match = None if carried is None else same_value(carried, fact.type)
            if match is not None and column not in found.setdefault(source, {}):
                found[source][column] = match
                grown = True
    return found
