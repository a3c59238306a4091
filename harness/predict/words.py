"""Says why in words a developer understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paidonce.harness.predict.holds import conditions
from paidonce.harness.predict.moves import Move
from paidonce.harness.predict.types import Kind

if TYPE_CHECKING:
    from paidonce.harness.predict.moves import BadOrder
    from paidonce.harness.predict.shields import Meeting

_MOST = 4
"""Columns that are named; more are only counted."""


def why(meeting: Meeting, found: BadOrder, *, again: bool) -> str:
    """Return what may happen, and what does not prevent it."""
    read, write, act = found.read, found.write, found.act
    theirs = meeting.theirs
    reader, rival = meeting.mine.name, theirs.name
    seen = theirs.publishes(write)
    commit = "" if seen is None or seen is write else f" and commit (effect {seen.spot.number})"
    parts = [
        f"{reader} {_reads(read)} (effect {read.spot.number}) and goes by that when it "
        f"{_acts(act)} (effect {act.spot.number}).",
        f"Meanwhile {rival} can {_writes(write)} (effect {write.spot.number} of its own){commit}; "
        f"{reader} then acts on what is no longer true.",
        *_helpless(meeting, found),
    ]
    if again:
        parts.append(
            "It reads the same again before that, under protection: this matters only if it does "
            "not look at the second answer."
        )
    return " ".join(parts)


def _helpless(meeting: Meeting, found: BadOrder) -> list[str]:
    """Return what is there and does not help, and what is not there."""
    read, act, mine = found.read, found.act, meeting.mine
    if found.lease is not None:
        return [
            f"Only {found.lease} keeps them apart, and only as long as its lease lasts: after a "
            "pause that is longer, two attempts hold it."
        ]
    said = []
    locks = any(lock for lock in read.found.locks if lock.place[:1] == ("pg",))
    ended = mine.ended(read)
    if read.kind is Kind.SQL:
        if locks and read.at < ended < act.at:
            said.append(
                f"The lock it takes is let go of by effect {mine.moves[ended].spot.number}, before "
                "that."
            )
        elif not locks:
            alone = " and is in no transaction" if ended == read.at else ""
            said.append(f"The read takes no lock{alone}.")
    if read.isolation == "serializable" and act.kind is Kind.STRIPE and ended > act.at:
        said.append("SERIALIZABLE will refuse the COMMIT, but Stripe has been called by then.")
    for move in mine.moves[act.at + 1 :]:
        asked = [a for u in move.shape.updates for a in conditions(u, meeting.catalog)]
        if asked and any(update.table in _tables(read) for update in move.shape.updates):
            said.append(
                f"The condition on {asked[0].column} (effect {move.spot.number}) comes too late."
            )
            break
    if act.kind is Kind.STRIPE:
        said.append(
            "Its idempotency key is of this attempt alone, so Stripe takes both calls for new."
            if act.key
            else "The call has no idempotency key, so Stripe takes both calls for new."
        )
    return said


def _tables(move: Move) -> set[str]:
    return {look.place[1] for look in move.looks if look.place[:1] == ("pg",) and look.place[1:]}


def _reads(move: Move) -> str:
    if move.kind is not Kind.SQL:
        return f"asks {_plain(move)}"
    tables = _names(_tables(move))
    verb = "reads" if move.found.kind == "select" else "changes and is shown"
    return f"{verb} {_columns(move.shape.columns, tables)}"


def _columns(columns: frozenset[str] | None, tables: str) -> str:
    """The columns that decide are mostly called status or the like; they are named first."""
    if not columns or len(columns) > _MOST:
        telling = sorted(c for c in columns or () if c.endswith(("status", "state", "version")))
        return f"{tables} ({', '.join(telling)} and more)" if telling else tables
    return f"{', '.join(sorted(columns))} of {tables}"


def _writes(move: Move) -> str:
    if move.kind is not Kind.SQL:
        return f"make {_plain(move)}"
    changed = sorted({column for _, column in move.found.modifies if column})
    shown = [c for c in changed if c.endswith(("status", "state", "version"))] or changed[:_MOST]
    changing = {table for table, column in move.found.modifies if column}
    tables = _names(changing or {write.place[1] for write in move.writes if write.place[1:]})
    return f"write {', '.join(shown)} in {tables}" if shown else f"write rows of {tables}"


def _acts(move: Move) -> str:
    if move.kind is Kind.STRIPE:
        return f"calls Stripe's {_plain(move)}"
    if move.kind is Kind.REDIS:
        return f"sends {_plain(move)} to Redis"
    return f"writes {_names({write.place[1] for write in move.writes if write.place[1:]})}"


def _names(tables: set[str]) -> str:
    return ", ".join(sorted(table.removeprefix("public.") for table in tables)) or "the database"


def _plain(move: Move) -> str:
    return move.spot.label.partition(" ")[2]
