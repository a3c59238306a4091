"""Which advice is given: that whose preconditions hold, the nearest to what is there first.

Advice that leaves the race open, or refuses what is lawful, is worse than none, so each kind looks
first whether it can close this order on this database, and is left out where that is not certain.
Whether the service then behaves is for the next search to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from paidonce.harness.predict.asking import Situation, situation
from paidonce.harness.predict.fixes_by_locks import (
    advisory,
    for_update,
    one_transaction,
    parent_row,
)
from paidonce.harness.predict.fixes_by_writes import claim, conditional, unique
from paidonce.harness.predict.serializing import serializable
from paidonce.harness.predict.types import Fix
from paidonce.harness.taps.changes import Keyed, Replaced

if TYPE_CHECKING:
    from paidonce.harness.predict.moves import BadOrder
    from paidonce.harness.predict.shields import Meeting


def fixes(meeting: Meeting, found: BadOrder) -> tuple[Fix, ...]:
    """The fixes for a bad order."""
    where = situation(meeting, found)
    late = _after_commit(where)
    if late is not None:
        # A transaction that is refused at its COMMIT may be so on any account: no lock and no
        # condition in it keeps what Stripe was told from being told in vain.
        return (late,)
    return tuple(_fixes(where))


def _fixes(where: Situation) -> Iterator[Fix]:
    advice = (
        one_transaction,
        for_update,
        parent_row,
        conditional,
        claim,
        unique,
        _serializable,
        advisory,
        _key,
    )
    for one in advice:
        if (fix := one(where)) is not None:
            yield fix


def _after_commit(where: Situation) -> Fix | None:
    """Return a fix where the transaction is refused, but has called Stripe by then."""
    read, act, mine = where.found.read, where.found.act, where.meeting.mine
    if not (where.stripe and where.one_snapshot and where.inside):
        return None
    if not where.meeting.refuses(read, where.found.write):
        return None
    commit = mine.moves[mine.ended(read)]
    return Fix(
        name="Stripe after COMMIT",
        how=f"call {where.call} after the COMMIT (effect {commit.spot.number}) has succeeded: of "
        "two such transactions Postgres refuses one, and a refused one is tried again from its "
        "first statement. In the transaction write down that the call is to be made",
        before=f"{act.spot.text}; {commit.query.sql}",
        after=f"{commit.query.sql}; {act.spot.text}",
        partly="whoever dies between the two has settled and not called: finish what was written "
        "down, with an idempotency key that was written down with it",
        untried=f"the service has to make its call of {where.call} in another place",
    )


def _serializable(where: Situation) -> Fix | None:
    """Return a fix where one snapshot is not enough, as each puts in what the other does not see
    (13.2.3)."""
    read, write = where.found.read, where.found.write
    if read.isolation != "repeatable read" or write.isolation != read.isolation:
        return None
    if not where.one_snapshot or (where.inside and where.stripe):
        return None
    if not where.meeting.crosses(read, write):
        return None
    begun = _begun_anew(where)
    return Fix(
        name="SERIALIZABLE",
        how="make the transactions SERIALIZABLE, all that read or write these rows, and try one "
        f"that is refused (SQLSTATE 40001) again from its first statement; {where.call} stays "
        "after the COMMIT"
        if where.stripe
        else "make the transactions SERIALIZABLE, all that read or write these rows, and try one "
        "that is refused (SQLSTATE 40001) again from its first statement",
        before="BEGIN ISOLATION LEVEL REPEATABLE READ",
        after="BEGIN ISOLATION LEVEL SERIALIZABLE",
        changes=begun,
        untried=""
        if begun
        else "the isolation level is set by no statement that begins one of these transactions",
    )


def _begun_anew(where: Situation) -> tuple[Replaced, ...]:
    """The beginnings of both transactions as SERIALIZABLE ones; none where one does not say it."""
    found = {}
    pairs = ((where.meeting.mine, where.found.read), (where.meeting.theirs, where.found.write))
    for story, move in pairs:
        begins = [m for m in story.moves if m.transaction == move.transaction]
        said = begins[0].query.sql if begins and begins[0].found.kind == "begin" else ""
        other = serializable(said)
        if other is None:
            return ()
        found[said] = Replaced(sql=said, by=other)
    return tuple(found.values())


def _key(where: Situation) -> Fix | None:
    """A key closes the call if the second is the first one over again, and never lawful."""
    act, meeting = where.found.act, where.meeting
    if not where.stripe or act.effect.request.get("method") != "POST":
        return None
    same = [
        move
        for move in meeting.theirs.moves
        if move.spot.label == act.spot.label
        and move.effect.request.get("params") == act.effect.request.get("params")
        and move.effect.request.get("path") == act.effect.request.get("path")
    ]
    if not same:
        return None  # with other parameters Stripe refuses the key, or it is another call
    label, mine, theirs = act.effect.label, meeting.mine.name, meeting.theirs.name
    if meeting.data is not None and meeting.data.succeeds_again(mine, theirs, label):
        return None  # one after the other both are lawful: the second would get the first's answer
    had = f"Idempotency-Key: {act.key}" if act.key else "no Idempotency-Key"
    return Fix(
        name="idempotency key",
        how=f"derive the key of {where.call} from the order, what is done to it and which try it "
        "is, so that Stripe takes two calls for one; not from the customer or the product, whose "
        "next sale is another one",
        before=had,
        after=f"Idempotency-Key: <order id>:{where.call.rpartition('.')[2]}:<try>",
        partly="Stripe does it once, and both attempts are told of success; the writes to "
        "the database may still overwrite each other",
        part=True,
        changes=(Keyed(label=act.effect.label),),
    )
