"""Traps that a recording shows: what was written to protect a row, and does not.

None of them is a verdict. Each is named only where the statements show it: a lock that is let go
of as it is taken; a row that is written back whole as it was read; an update that leaves the
version as it is by which others tell whether they are up to date.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paidonce.harness.explore.footprint.sql.trees import below
from paidonce.harness.predict.asking import only
from paidonce.harness.predict.conditions import Update
from paidonce.harness.predict.moves import Move, Story
from paidonce.harness.predict.types import VERSIONS, Kind, Prediction, Trap, TrapKind
from paidonce.harness.sql_trees import ast, enums

_EXCLUSIVE = (enums.LockClauseStrength.LCS_FORUPDATE, enums.LockClauseStrength.LCS_FORNOKEYUPDATE)
_XACT_LOCKS = frozenset({"pg_advisory_xact_lock", "pg_try_advisory_xact_lock"})
_CHANGES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)


def traps(stories: Sequence[Story], predictions: Sequence[Prediction]) -> tuple[Trap, ...]:
    """Return the traps that the attempts show, each once however many attempts show it.

    What is saved as it was read is one only where ``predictions`` say that others can write in
    between: what else protects the row (a claim, an advisory lock, SERIALIZABLE) is known there.
    """
    acted: dict[tuple[str, int], int] = {}
    for order in (order for prediction in predictions for order in prediction.orders):
        first = acted.get(order.read.step, order.act.number)
        acted[order.read.step] = min(first, order.act.number)
    guarded = {one for story in stories for one in _guarded_by_version(story)}
    found: dict[tuple[TrapKind, str], Trap] = {}
    for story in stories:
        stale = (
            trap
            for trap in _stale(story)
            if trap.read is not None
            and trap.spot.number >= acted.get(trap.read.step, trap.spot.number + 1)
        )
        for trap in (*_released(story), *stale, *_skipping(story, guarded)):
            found.setdefault((trap.kind, trap.spot.label), trap)
    return tuple(found.values())


def _released(story: Story) -> Iterator[Trap]:
    """A statement that does nothing but lock and read, in no transaction."""
    for move in story.moves:
        if move.kind is not Kind.SQL or move.transaction is None or story.ended(move) != move.at:
            continue
        node = only(move.query.sql)
        if not isinstance(node, ast.SelectStmt):
            continue
        inside = list(below(node))
        if any(isinstance(one, _CHANGES) for one in inside):
            continue  # what it changes is changed under its lock
        calls = [one.funcname[-1].sval for one in inside if isinstance(one, ast.FuncCall)]
        if _locks(move) or not _XACT_LOCKS.isdisjoint(calls):
            yield Trap(kind=TrapKind.RELEASED, spot=move.spot)


def _stale(story: Story) -> Iterator[Trap]:
    """An UPDATE that writes columns back as they were read, of a row that was not locked since."""
    for move in story.moves:
        for update in move.shape.updates:
            if any(one.column in VERSIONS for one in update.asked):
                continue  # who is stale finds no row
            read = _read_before(story, move, update)
            if read is None or _kept(story, read, move):
                continue
            back = tuple(
                column for column, value in update.assigned if _as_read(read, column, value)
            )
            if back and len(back) < len(update.assigned):
                yield Trap(kind=TrapKind.STALE, spot=move.spot, columns=back, read=read.spot)


def _read_before(story: Story, write: Move, update: Update) -> Move | None:
    """The last SELECT of the row that an UPDATE changes."""
    reads = (
        move
        for move in reversed(story.moves[: write.at])
        if move.kind is Kind.SQL and move.found.kind == "select" and move.rows == 1
    )
    return next((move for move in reads if _of_row(move, write, update)), None)


def _of_row(read: Move, write: Move, update: Update) -> bool:
    looks = [look for look in read.looks if look.place[:2] == ("pg", update.table)]
    return any(resource.overlaps(look) for resource in write.writes for look in looks)


def _kept(story: Story, read: Move, write: Move) -> bool:
    """Return whether nobody else can change the row between the two: it is locked until then, or
    the transaction is refused if somebody did."""
    together = read.transaction == write.transaction and story.ended(read) > write.at
    before = story.moves[: read.at + 1]
    held = any(_locks(move) for move in before if move.transaction == write.transaction)
    return together and (held or read.isolation in ("repeatable read", "serializable"))


def _locks(move: Move) -> bool:
    node = only(move.query.sql) if move.kind is Kind.SQL else None
    clauses = node.lockingClause or () if isinstance(node, ast.SelectStmt) else ()
    return any(clause.strength in _EXCLUSIVE for clause in clauses)


def _as_read(read: Move, column: str, value: str | None) -> bool:
    answer = read.effect.answer or {}
    columns, sample = answer.get("columns") or [], answer.get("sample") or []
    if value is None or column not in columns or not sample:
        return False
    seen = sample[0][columns.index(column)]
    return seen is not None and str(seen) == value


def _guarded_by_version(story: Story) -> Iterator[tuple[str, str]]:
    """The tables of which some UPDATE asks for the version, with that column."""
    for move in story.moves:
        for update in move.shape.updates:
            yield from ((update.table, a.column) for a in update.asked if a.column in VERSIONS)


def _skipping(story: Story, guarded: set[tuple[str, str]]) -> Iterator[Trap]:
    """An UPDATE that leaves the version as it is, of a table whose version others go by."""
    for move in story.moves:
        for update in move.shape.updates:
            spoken = {one.column for one in update.asked} | {name for name, _ in update.assigned}
            for table, column in guarded:
                if table == update.table and column not in spoken:
                    yield Trap(kind=TrapKind.SKIPS, spot=move.spot, columns=(column,))
