"""Lists the pairs of effects of two attempts whose order could go wrong, the likeliest first.

In the manner of Warszawski & Bailis, *ACIDRain: Concurrency-Related Attacks on Database-Backed Web
Applications* (SIGMOD 2017): from what one request alone was seen to do, its conflicts with others
like it are derived, and of the cycles they make those are left that isolation and locks allow.
Theirs are cycles over any two operations of a request; here the pair that matters to payments is
looked for, a read that decides and what is done on its account, and calls to Stripe count as well,
which no database can undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice, permutations, product

import msgspec

from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.predict.data import Data
from paidonce.harness.predict.differing import differing, told_apart
from paidonce.harness.predict.fixes import fixes
from paidonce.harness.predict.looking import Sight
from paidonce.harness.predict.moves import BadOrder, Move, Story, story
from paidonce.harness.predict.sameness import Sameness, sameness
from paidonce.harness.predict.shields import Meeting
from paidonce.harness.predict.together import another, together
from paidonce.harness.predict.traps import traps
from paidonce.harness.predict.types import Forecast, Kind, PredictedOrder, Prediction, Solo
from paidonce.harness.predict.words import why

_PAIRS = 12
"""Of two kinds of attempts so many pairs are looked at until something is found."""
MOST = 12
"""More predictions than this are of no use to anybody."""


def predict(solos: Sequence[Solo], catalog: Catalog, *, most: int = MOST) -> tuple[Prediction, ...]:
    """Return the bad orders that the attempts could come in; nothing is executed.

    Each attempt is told of alone. One by itself is taken to meet another of its kind; attempts
    that do the same are told of once. At most ``most`` predictions, the likeliest first.
    """
    return forecast(solos, catalog, most=most).predictions


def forecast(
    solos: Sequence[Solo],
    catalog: Catalog,
    *,
    again: Sequence[Solo] = (),
    data: Data | None = None,
    most: int = MOST,
) -> Forecast:
    """The same, with what was looked at and what could not be judged.

    ``again`` are second recordings of the same attempts: what differs in them although they did
    the same has a value of its own in every execution.
    """
    played = len(solos)
    footprints = Footprints(catalog)
    renamed = together([*solos, *again])
    firsts = renamed[:played]
    seconds = {recording.solo.name: recording for recording in renamed[played:]}
    same = [
        sameness(recording, seconds[recording.solo.name], footprints)
        if recording.solo.name in seconds
        else Sameness(recording)
        for recording in firsts
    ]
    if played == 1:
        (only,) = same
        copy = another(only.told.solo, f"{solos[0].name} (another)")
        same.append(replace(only, told=replace(only.told, solo=copy)))
    stories = [story(either.told, footprints) for either in same]
    unsure = frozenset(chain.from_iterable(either.unsure for either in same))
    kinds: dict[tuple[tuple[str, str], ...], list[Story]] = {}
    for read in stories:
        kinds.setdefault(read.kind, []).append(read)
    ranked: list[tuple[tuple[int, ...], Prediction]] = []
    seen = Sight(unsure, catalog)
    for mine in kinds.values():
        for theirs in kinds.values():
            # Attempts of one kind may have rows of their own each: some pair may have one in
            # common.
            pairs = permutations(mine, 2) if mine is theirs else product(mine, theirs)
            for one, other in islice(pairs, _PAIRS):
                meeting = Meeting(one, other, catalog, data)
                seen.meets(meeting)
                if found := _between(meeting, _names(one, mine), _names(other, theirs)):
                    ranked += found
                    break
    ranked.sort(key=lambda pair: pair[0])
    predictions = tuple(prediction for _, prediction in ranked)
    predictions = told_apart(predictions, differing(solos, again))
    looked = seen.looked(stories[:played], predictions)
    left_out = max(0, len(predictions) - most)
    shown = traps(stories[:played], predictions)
    looked = msgspec.structs.replace(looked, left_out=left_out, traps=shown)
    return Forecast(predictions[:most], looked, catalog)


def _names(first: Story, stories: Sequence[Story]) -> tuple[str, ...]:
    """The names of stories, that of ``first`` before the others."""
    return (first.name, *(other.name for other in stories if other is not first))


def _between(
    meeting: Meeting, readers: tuple[str, ...], rivals: tuple[str, ...]
) -> list[tuple[tuple[int, ...], Prediction]]:
    found: dict[int, list[BadOrder]] = {}
    for read in meeting.mine.moves:
        if meeting.decides(read) and (orders := _orders(meeting, read)):
            found[read.at] = orders
    ranked = []
    for at, orders in found.items():
        again = _read_again(meeting, orders)
        if any(later in found and _acts(found[later]) >= _acts(orders) for later in again):
            continue  # told of the later read, which is nearer to the act
        best = orders[0]
        prediction = Prediction(
            readers=readers,
            rivals=rivals,
            orders=tuple(_bad(meeting, order) for order in orders),
            why=why(meeting, best, again=bool(again)),
            fixes=fixes(meeting, best),
            lease=best.lease,
            twice=bool(again),
        )
        # First what Stripe is called for, without a lock of any kind, on what was read just now.
        stripe = best.act.kind is not Kind.STRIPE
        elsewhere = best.read.kind is not Kind.SQL
        plain = best.read.found.kind != "select"
        rank = (bool(again), stripe, best.lease is not None, elsewhere, plain, at)
        ranked.append((tuple(map(int, rank)), prediction))
    return ranked


def _acts(orders: Sequence[BadOrder]) -> set[int]:
    return {order.act.at for order in orders}


def _orders(meeting: Meeting, read: Move) -> list[BadOrder]:
    """The bad orders that begin with ``read``, the worst first."""
    bad_orders = []
    rivals = [move for move in meeting.theirs.moves if _spoils(meeting, read, move)]
    for act in meeting.mine.moves[read.at + 1 :] if rivals else ():
        if not _acts_on(meeting, read, act):
            continue
        for write in rivals:
            shield = meeting.shield(read, write, act)
            if shield is None:
                bad_orders.append(BadOrder(read, write, act))
            elif shield.lease:
                bad_orders.append(BadOrder(read, write, act, shield.words))
    # A rival's last write is what it leaves behind.
    bad_orders.sort(
        key=lambda f: (f.lease is not None, f.act.kind is not Kind.STRIPE, f.act.at, -f.write.at)
    )
    return bad_orders


def _spoils(meeting: Meeting, read: Move, write: Move) -> bool:
    """Return whether ``write`` of the other attempt changes what ``read`` saw."""
    if meeting.theirs.publishes(write) is None:
        return False
    for seen in read.looks:
        for changed in write.writes:
            if not seen.overlaps(changed):
                continue
            columns = {c for table, c in write.found.modifies if changed.place[1:2] == (table,)}
            if not columns or read.shape.columns is None or columns & read.shape.columns:
                return True
    return False


def _acts_on(meeting: Meeting, read: Move, act: Move) -> bool:
    """Return whether ``act`` is something that the other attempt, or Stripe, takes note of."""
    if not act.writes or meeting.mine.publishes(act) is None:
        return False
    if act.kind is Kind.STRIPE:
        return True
    if act.kind is Kind.REDIS:
        return read.kind is Kind.REDIS
    return any(
        mine.overlaps(theirs)
        for move in meeting.theirs.moves
        for theirs in (*move.looks, *move.writes)
        for mine in act.writes
    )


def _read_again(meeting: Meeting, orders: Sequence[BadOrder]) -> list[int]:
    """Later reads of the same before anything is done."""
    read, act = orders[0].read, orders[0].act
    return [
        move.at
        for move in meeting.mine.moves[read.at + 1 : act.at]
        if meeting.decides(move) and move.kind is read.kind and read.looks <= move.looks
    ]


def _bad(meeting: Meeting, found: BadOrder) -> PredictedOrder:
    seen = meeting.theirs.publishes(found.write) or found.write
    settling = found.settling(meeting.mine)
    settled = settling[-1].spot if settling else None
    return PredictedOrder(found.read.spot, found.write.spot, seen.spot, found.act.spot, settled)
