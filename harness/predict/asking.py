"""The question that a read asks, as far as it matters to advice: its tree, its one table, its
conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paidonce.harness import sql_trees
from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.trees import NotParsed, below, operator, parsed
from paidonce.harness.predict.moves import Move
from paidonce.harness.predict.types import Kind
from paidonce.harness.sql_trees import ast, enums

if TYPE_CHECKING:
    from paidonce.harness.predict.moves import BadOrder
    from paidonce.harness.predict.shields import Meeting

_NEVER_NULL = {
    int(enums.JoinType.JOIN_INNER): (True, True),
    int(enums.JoinType.JOIN_LEFT): (True, False),
    int(enums.JoinType.JOIN_RIGHT): (False, True),
}
"""Of a join's left and right side: whether its rows are always there."""


@dataclass(frozen=True)
class Given:
    """A column that is asked to be equal to something, as it is written (``$1``, ``'open'``)."""

    column: str
    text: str
    constant: bool


@dataclass(frozen=True)
class Situation:
    """A bad order, and what advice needs to know of it.

    ``node`` is the read's tree, None where it is no SELECT by itself. ``table`` is that in which
    the read and the other's write meet.
    """

    meeting: Meeting
    found: BadOrder
    table: Table | None
    node: Any

    @property
    def stripe(self) -> bool:
        """Return whether Stripe is called."""
        return self.found.act.kind is Kind.STRIPE

    @property
    def call(self) -> str:
        """The act's name, without where it goes."""
        return self.found.act.spot.label.partition(" ")[2]

    @property
    def alike(self) -> bool:
        """Return whether both attempts do the same."""
        return self.meeting.mine.kind == self.meeting.theirs.kind

    @property
    def one_snapshot(self) -> bool:
        """Return whether the transaction goes on seeing what its first statement saw, whatever is
        locked meanwhile (manual, 13.2.2)."""
        read = self.found.read
        ended = self.meeting.mine.ended(read)
        return read.isolation in ("repeatable read", "serializable") and ended != read.at

    @property
    def inside(self) -> bool:
        """Return whether the act comes before the end of the read's transaction."""
        return self.found.read.at < self.found.act.at < self.meeting.mine.ended(self.found.read)

    @property
    def stays_open(self) -> bool:
        """Return whether the read's transaction stays open until the act is done and what the
        attempt puts down of it."""
        read, mine = self.found.read, self.meeting.mine
        return read.at < mine.ended(read) and self.found.settled(mine) < mine.ended(read)

    @property
    def simple(self) -> bool:
        """Return whether the read is of the table alone, by columns of it alone."""
        where: tuple[Any, ...] = () if self.node is None else self.node.fromClause or ()
        return len(where) == 1 and self.alias() is not None and isinstance(where[0], ast.RangeVar)

    def alias(self) -> str | None:
        """Return the table's name in the read's FROM, where it can be locked there: not by a view's
        name, nor on the side of an outer join that may be missing (PostgreSQL: "FOR UPDATE cannot
        be applied to the nullable side of an outer join")."""
        if self.node is None or self.table is None:
            return None
        found = [name for part in self.node.fromClause or () for name in self._sure(part)]
        return found[0] if len(found) == 1 else None

    def _sure(self, part: Any) -> Iterator[str]:
        assert self.table is not None
        if isinstance(part, ast.RangeVar):
            catalog = self.meeting.catalog
            meant = catalog.table(part.schemaname, part.relname, catalog.search_path)
            if meant is not None and meant.kind == "table" and meant.place == self.table.place:
                yield part.alias.aliasname if part.alias else part.relname
        elif isinstance(part, ast.JoinExpr):
            left, right = _NEVER_NULL.get(int(part.jointype), (False, False))
            if left:
                yield from self._sure(part.larg)
            if right:
                yield from self._sure(part.rarg)

    def given(self) -> tuple[Given, ...]:
        """The equalities that the read asks for, all of them and nothing else; none where it asks
        for something else as well."""
        if self.node is None:
            return ()
        found = [equality(part) for part in conjuncts(self.node.whereClause)]
        return () if None in found else tuple(one for one in found if one is not None)

    def identity(self) -> Given | None:
        """The equality that says whose row, or rows, these are: of a key, or of what refers to
        another table."""
        if self.node is None or self.table is None:
            return None
        keys = {c for index in self.table.unique if index.plain for c in index.columns}
        keys |= set(self.table.primary_key)
        keys |= {c for key in self.table.foreign_keys for c in key.columns}
        for part in conjuncts(self.node.whereClause):
            one = equality(part)
            if one is not None and (one.column in keys or one.column.endswith("_id")):
                return one
        return None

    def shown(self, column: str) -> str | None:
        """The value of a column in the first row that the read was answered, as text."""
        answer = self.found.read.effect.answer or {}
        columns, sample = answer.get("columns") or [], answer.get("sample") or []
        if column not in columns or not sample:
            return None
        value = sample[0][columns.index(column)]
        return None if value is None else str(value)

    def carries_answer(self, move: Move) -> bool:
        """Return whether a statement has in it what the call to Stripe was answered: it cannot come
        before the call."""
        act = self.found.act
        if not self.stripe or move.at < act.at:
            return False
        made = [v for v in (act.effect.answer or {}).values() if isinstance(v, str) and "_" in v]
        said = [*(value or "" for value in move.query.params), move.query.sql]
        return any(value in text for value in made for text in said)


def situation(meeting: Meeting, found: BadOrder) -> Situation:
    """Return the question that a bad order's read asks, and all around it."""
    read = found.read
    node = only(read.query.sql) if read.kind is Kind.SQL else None
    met = {
        look.place[:2]
        for look in read.looks
        for changed in found.write.writes
        if look.place[1:] and look.overlaps(changed)
    }
    tables = [t for t in meeting.catalog.tables.values() if t.place in met]
    return Situation(
        meeting,
        found,
        tables[0] if len(tables) == 1 else None,
        node if isinstance(node, ast.SelectStmt) else None,
    )


def only(sql: str) -> Any:
    """The tree of a text that is one statement; None of any other."""
    try:
        nodes = parsed(sql)
    except NotParsed:
        return None
    return nodes[0] if len(nodes) == 1 else None


def conjuncts(node: Any) -> tuple[Any, ...]:
    """The parts of a condition, without a TRUE that was only there to be added to."""
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        return tuple(part for arg in node.args for part in conjuncts(arg))
    return () if node is None or _true(node) else (node,)


def equality(part: Any) -> Given | None:
    """A part of a condition that asks a column to be equal to a value; None of any other."""
    if not isinstance(part, ast.A_Expr) or part.kind != enums.A_Expr_Kind.AEXPR_OP:
        return None
    if operator(part) != "=":
        return None
    for side, other in ((part.lexpr, part.rexpr), (part.rexpr, part.lexpr)):
        if isinstance(side, ast.ColumnRef) and isinstance(side.fields[-1], ast.String):
            value = other
            while isinstance(value, ast.TypeCast):
                value = value.arg
            if isinstance(value, (ast.ParamRef, ast.A_Const)):
                text, constant = sql_trees.written(value), isinstance(value, ast.A_Const)
                return Given(side.fields[-1].sval, text, constant)
    return None


def inserts_into(move: Move, table: Table) -> bool:
    """Return whether a statement puts rows into the table."""
    found = below(only(move.query.sql)) if move.found.kind == "insert" else ()
    return any(
        isinstance(one, ast.InsertStmt) and table.name.endswith(f".{one.relation.relname}")
        for one in found
    )


def _true(node: Any) -> bool:
    return isinstance(node, ast.A_Const) and isinstance(node.val, ast.Boolean) and node.val.boolval
