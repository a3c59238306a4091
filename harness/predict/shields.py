"""Shields: what keeps a bad order from happening, or makes it harmless.

The question is always the same: one attempt has read, another has written what makes that untrue,
and the first is about to act. Four things help: the other cannot write meanwhile (a lock, an entry
of a unique index, a claim); the first asks again before it acts (a condition whose row count
decides, PostgreSQL's own check at REPEATABLE READ and SERIALIZABLE, manual section 13.2); the other
looks before it writes and finds the first one's claim; Stripe takes the call for one it has had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.naming.generated import GENERATED
from paidonce.harness.predict.conditions import Asked, Update
from paidonce.harness.predict.data import Data
from paidonce.harness.predict.holds import Hold, conditions, holds, row_of, same_rows
from paidonce.harness.predict.moves import NEVER, Move, Story, puts_in
from paidonce.harness.predict.types import Kind

_WORDS = ("text", "varchar", "char", "bool")
_ONE_SNAPSHOT = frozenset({"repeatable read", "serializable"})


@dataclass(frozen=True)
class Shield:
    """A protection, in words; ``lease`` if it lasts no longer than a lease."""

    words: str
    lease: bool = False


class Meeting:
    """Two attempts that meet: what ``mine`` reads and ``theirs`` writes."""

    def __init__(
        self, mine: Story, theirs: Story, catalog: Catalog, data: Data | None = None
    ) -> None:
        self.mine, self.theirs, self.catalog, self.data = mine, theirs, catalog, data
        self._holds, self._their_holds = holds(mine, catalog), holds(theirs, catalog)

    def decides(self, move: Move) -> bool:
        """Return whether what comes back may decide what its attempt does next."""
        return decides(move, self.catalog)

    def shield(self, read: Move, write: Move, act: Move) -> Shield | None:
        """Return what helps against ``read``, then the others' ``write``, then ``act``; None if
        nothing does.

        A lease is only answered if nothing better is there.
        """
        if act.key is not None and self._same_call(act):
            return Shield("Stripe takes both calls for one: they have the same idempotency key")
        if self._serialized(read, write, act):
            return Shield("SERIALIZABLE refuses one of the two transactions")
        begin = read
        for move in self.mine.moves[read.at + 1 : act.at + 1]:
            if self._asks_again(move, read, write):
                begin = move
        if begin is act:
            return Shield("its own condition finds no row any more")
        if self._seen(begin, write):
            return Shield("the other attempt looks before it writes, and finds this one's claim")
        return self._kept_out(begin, write, act)

    def refuses(self, read: Move, write: Move) -> bool:
        """Return whether the transaction that read is refused if the other's write came after its
        snapshot: by its own write of the same row, or at its COMMIT."""
        mine = self.mine
        rest = mine.moves[read.at + 1 : mine.ended(read) + 1]
        within = [move for move in rest if move.transaction == read.transaction]
        return any(self._asks_again(move, read, write) for move in within)

    def crosses(self, read: Move, write: Move) -> bool:
        """Return whether SERIALIZABLE would refuse one of the two transactions."""
        written = _writes(self.mine, read.transaction)
        theirs = [m for m in self.theirs.moves if m.transaction == write.transaction]
        touched = [resource for m in theirs for resource in (*m.looks, *m.writes)]
        return _meet(written, touched)

    # --- the other cannot write meanwhile -----------------------------------------------------

    def _kept_out(self, begin: Move, write: Move, act: Move) -> Shield | None:
        published = self._published(write)
        leased = None
        for own in self._holds:
            if not (own.covers(begin.at, act.at) or self._for_good(own, act.at)):
                continue
            for other in self._their_holds:
                both = other.covers(write.at, published) and own.covers(begin.at, act.at)
                good = self._for_good(own, act.at) and self._for_good(other, published)
                if (both or good) and own.excludes(other, self.catalog):
                    shield = Shield(own.words, lease=own.kind == "lease")
                    if not shield.lease:
                        return shield
                    leased = shield
        return leased

    def _for_good(self, hold: Hold, at: int) -> bool:
        return hold.last == NEVER and hold.first <= at

    def _published(self, write: Move) -> int:
        seen = self.theirs.publishes(write)
        return write.at if seen is None else seen.at

    # --- the first asks again before it acts --------------------------------------------------

    def _asks_again(self, move: Move, read: Move, write: Move) -> bool:
        """Return whether ``move`` fails, or finds nothing, if ``write`` came between it and
        ``read``."""
        if move.kind is not Kind.SQL or write.kind is not Kind.SQL:
            return False
        mine = self.mine
        if move.transaction == read.transaction and move.isolation in _ONE_SNAPSHOT:
            # Rows that both put in are not the same, and nobody finds the other's.
            if not (puts_in(move) or puts_in(write)) and _same(
                move.writes, write.writes, self.catalog
            ):
                return True
            if move.at == mine.ended(read) != read.at:
                return self._cross(read, write)
        return any(
            self._falsified(move, update, asked, write)
            for update in move.shape.updates
            for asked in conditions(update, self.catalog)
        )

    def _falsified(self, move: Move, update: Update, asked: Asked, write: Move) -> bool:
        changed, final = False, None
        for theirs in self.theirs.moves:
            for other in theirs.shape.updates:
                given, value = other.gives(asked.column)
                if given and other.table == update.table:
                    changed, final = True, value
        if not changed:
            return False
        if self._token(move, update, asked):
            return True
        row = row_of(move, update)
        if row is None or not _same([row], write.writes, self.catalog):
            return False
        return asked.holds_for(final) is not True

    def _token(self, move: Move, update: Update, asked: Asked) -> bool:
        """Return whether it asks for a mark of its own that the attempt has put there before: a
        value made up for it, or a number higher than all before."""
        if asked.operator != "=" or asked.value is None:
            return False
        for earlier in self.mine.moves[: move.at]:
            for other in earlier.shape.updates:
                if (
                    other.table != update.table
                    or dict(other.assigned).get(asked.column) != asked.value
                ):
                    continue
                higher = any(a.column == asked.column and a.operator == "<" for a in other.asked)
                if higher or GENERATED.fullmatch(asked.value):
                    return True
        return False

    # --- SERIALIZABLE -------------------------------------------------------------------------

    def _serialized(self, read: Move, write: Move, act: Move) -> bool:
        within = act.kind is Kind.SQL and act.transaction == read.transaction
        return within and self._cross(read, write)

    def _cross(self, read: Move, write: Move) -> bool:
        """Return whether both transactions are serializable, and the second meets what the first
        writes: then one of them cannot commit if the other has in between."""
        if not read.isolation == write.isolation == "serializable":
            return False
        return self.crosses(read, write)

    # --- the other looks before it writes -----------------------------------------------------

    def _seen(self, begin: Move, write: Move) -> bool:
        """Return whether ``begin`` puts a claim where the other attempt looks before it writes."""
        ends = begin.found.kind == "commit"
        if not ends and not self._marks(begin):
            return False
        written = _writes(self.mine, begin.transaction) if ends else list(begin.writes)
        return any(
            self.decides(move) and _meet(written, move.looks)
            for move in self.theirs.moves[: write.at + 1]
        )

    def _marks(self, move: Move) -> bool:
        """Return whether a write leaves something that says "mine": a claim, or a word such as
        ``processing`` put there on a condition."""
        if move.isolation in _ONE_SNAPSHOT and move.writes and not puts_in(move):
            return True
        if any(hold.first == move.at and hold.kind == "claim" for hold in self._holds):
            return True
        tables = {table.place[1]: table for table in self.catalog.tables.values()}
        for update in move.shape.updates:
            if _moves_on(move, update):
                return True
            asked = conditions(update, self.catalog)
            for column, value in update.assigned if asked else ():
                found = tables[update.table].column(column) if update.table in tables else None
                # A token that is only to be the highest stops nobody, a time neither.
                if value is not None and found is not None and found.type.family in _WORDS:
                    return True
        return False

    # --- Stripe -------------------------------------------------------------------------------

    def _same_call(self, act: Move) -> bool:
        return any(
            move.key == act.key and move.spot.label == act.spot.label
            for move in self.theirs.moves
            if move.kind is Kind.STRIPE
        )


def decides(move: Move, catalog: Catalog) -> bool:
    """Return whether what comes back may decide what its attempt does next."""
    if move.kind is not Kind.SQL:
        return bool(move.looks) and not move.writes
    if not move.looks:
        return False
    asks = any(conditions(update, catalog) for update in move.shape.updates)
    return move.shape.returns or asks


def _moves_on(move: Move, update: Update) -> bool:
    """Return whether it looks for rows by a value and gives them another at once, as whoever
    takes a job from a queue does (UPDATE … WHERE id = (SELECT … WHERE state = 'queued' … SKIP
    LOCKED))."""
    asked = [dict(look.key) for look in move.looks if look.place[1:2] == (update.table,)]
    return any(
        value is not None and key.get(column) not in (None, value)
        for column, value in update.assigned
        for key in asked
    )


def _writes(story: Story, transaction: int | None) -> list[Resource]:
    return [write for m in story.moves if m.transaction == transaction for write in m.writes]


def _meet(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    return any(resource.overlaps(other) for resource in some for other in others)


def _same(some: Iterable[Resource], others: Iterable[Resource], catalog: Catalog) -> bool:
    return any(same_rows(resource, other, catalog) for resource in some for other in others)
