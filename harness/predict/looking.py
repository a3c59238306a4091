"""The things that were looked at when something or nothing was predicted, and those not judged.

That nothing is predicted says something only together with what was looked at. A service decides
by more than the rows it reads: by its memory, by what Redis and Stripe answer, by what a function
in the database looks at. None of that is judged here, and a search is what decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.trees import NotParsed, below, parsed
from paidonce.harness.predict.moves import Move, Story
from paidonce.harness.predict.shields import Meeting, decides
from paidonce.harness.predict.types import Blind, Kind, Looked, Prediction, Unjudged
from paidonce.harness.sql_trees import ast

Unsure = frozenset[tuple[tuple[str, ...], str, str]]
"""Values of which it is not known whether another attempt has the same, by place and column."""

_ALWAYS = (Blind.STATEMENT, Blind.MEMORY)
"""These stay what they are, also where something is predicted of the effect."""
_CHANGES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
_CONDITIONAL = frozenset({"NX", "XX", "GET", "IFEQ"})
"""With these a SET answers more than that it was done (https://redis.io/docs/latest/commands/set/)."""


class Sight:
    """Gathers what could not be judged."""

    def __init__(self, unsure: Unsure, catalog: Catalog) -> None:
        self._unsure, self._catalog = unsure, catalog
        self._doubts: list[Unjudged] = []

    def meets(self, meeting: Meeting) -> None:
        """Two attempts: do they mean the same rows?"""
        if not self._unsure:
            return
        for read in meeting.mine.moves:
            if read.kind is Kind.SQL and meeting.decides(read):
                for write in meeting.theirs.moves:
                    self._doubts += self._doubted(read, write)

    def looked(self, stories: Sequence[Story], predictions: Sequence[Prediction]) -> Looked:
        """All of it, of attempts that are told of in ``predictions`` as far as they can be."""
        judged = {
            spot
            for prediction in predictions
            for bad in prediction.orders
            for spot in (bad.read.step, bad.write.step, bad.act.step)
        }
        found = list(self._doubts)
        for story in stories:
            found += self._of(story)
        told: dict[tuple[Blind, str, str], Unjudged] = {}
        for one_blind in found:
            spot = one_blind.spot
            whole = one_blind.detail and one_blind.blind is Blind.WITHIN
            if spot.step not in judged or whole or one_blind.blind in _ALWAYS:
                told.setdefault((one_blind.blind, spot.label, one_blind.detail), one_blind)
        reads = sum(decides(move, self._catalog) for one in stories for move in one.moves)
        return Looked(attempts=len(stories), reads=reads, unjudged=tuple(told.values()))

    # --- the kinds ----------------------------------------------------------------------------

    def _of(self, told: Story) -> Iterator[Unjudged]:
        if (first := self._unread(told)) is not None:
            yield Unjudged(blind=Blind.MEMORY, spot=first.spot)
        for move in told.moves:
            match move.kind:
                case Kind.REDIS if _answers(move):
                    yield Unjudged(blind=Blind.REDIS, spot=move.spot)
                case Kind.STRIPE if move.looks and not move.writes:
                    yield Unjudged(blind=Blind.STRIPE, spot=move.spot)
                case Kind.SQL if move.query.sql:
                    yield from self._statement(move)

    def _unread(self, told: Story) -> Move | None:
        """The first thing it does for good, where nothing that it has read comes before."""
        for move in told.moves:
            if decides(move, self._catalog):
                return None
            if move.writes and told.publishes(move) is not None:
                return move
        return None

    def _statement(self, move: Move) -> Iterator[Unjudged]:
        if Resource(()) in move.looks:
            yield Unjudged(blind=Blind.STATEMENT, spot=move.spot)
            return
        try:
            nodes = parsed(move.query.sql)
        except NotParsed:
            return
        tree = [part for node in nodes for part in below(node)]
        inside = sorted(self._called(tree))
        for name in inside:
            yield Unjudged(blind=Blind.WITHIN, spot=move.spot, detail=name)
        if inside or not any(isinstance(part, _CHANGES) for part in tree):
            return
        if any(isinstance(part, ast.MergeStmt) for part in tree) or _selects(tree):
            yield Unjudged(blind=Blind.WITHIN, spot=move.spot)
        else:
            yield from self._triggers(move, tree)

    def _called(self, tree: Iterable[object]) -> set[str]:
        """The functions of the user's that a statement calls."""
        found = set()
        for part in tree:
            if isinstance(part, ast.DoStmt):
                found.add("DO")
            if isinstance(part, ast.FuncCall):
                *schema, name = (one.sval for one in part.funcname)
                known = self._catalog.function(
                    schema[0] if schema else None, name, self._catalog.search_path
                )
                # Without SQL in it, it looks at nothing.
                if any(function.language in ("sql", "plpgsql") for function in known):
                    found.add(name)
        return found

    def _triggers(self, move: Move, tree: Iterable[object]) -> Iterator[Unjudged]:
        """Triggers of what it writes, where more is looked at than the statement names."""
        named = {part.relname for part in tree if isinstance(part, ast.RangeVar)}
        looked = {
            look.place[1] for look in move.looks if look.place[:1] == ("pg",) and look.place[1:]
        }
        if all(table.rpartition(".")[2] in named for table in looked):
            return
        written = {write.place[:2] for write in move.writes}
        for table in self._catalog.tables.values():
            if table.place in written:
                for trigger in table.triggers:
                    yield Unjudged(blind=Blind.WITHIN, spot=move.spot, detail=trigger.name)

    def _doubted(self, read: Move, write: Move) -> Iterator[Unjudged]:
        for look in read.looks:
            for changed in write.writes:
                if look.overlaps(changed):
                    continue
                resource, doubted = self._without(look)
                other, _ = self._without(changed)
                apart = [c for c in doubted if dict(changed.key).get(c) != dict(look.key)[c]]
                if resource.overlaps(other) and apart:
                    yield Unjudged(blind=Blind.VALUE, spot=read.spot, detail=apart[0])

    def _without(self, one: Resource) -> tuple[Resource, list[str]]:
        """The resource without what is not known to be its own, and the columns of that."""
        unsure = [c for c, value in one.key if (one.place, c, value) in self._unsure]
        key = tuple((c, value) for c, value in one.key if c not in unsure)
        return Resource(one.place, key, one.shared), unsure


def _answers(move: Move) -> bool:
    """Return whether a command is answered with something that may decide."""
    request = move.effect.request
    words = {str(arg).upper() for arg in request.get("args") or ()}
    if move.looks or str(request.get("command")).upper() == "SET":
        return bool(move.looks or words & _CONDITIONAL)
    return bool(move.writes) and (move.effect.answer or {}).get("value") not in ("OK", None)


def _selects(tree: Sequence[object]) -> bool:
    """Return whether a statement that changes something reads tables in a query of its own."""
    return any(isinstance(part, ast.SelectStmt) and part.fromClause is not None for part in tree)
