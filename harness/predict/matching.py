"""Looks for a predicted order in an execution that broke something.

A pair is there if the read came before the write of another attempt was seen, and the act, or the
write that puts it down, after it. Or crosswise: both had read before either write was seen, and
both acted, so that each went by a state that the other was about to end. Acts that were refused
are none, and a write to another row than the one that was read is none either: in one execution
the rows have their own names, so they can be compared as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.history import Effect, History
from paidonce.harness.predict.moves import story
from paidonce.harness.predict.together import RenamedRecording
from paidonce.harness.predict.types import PredictedOrder, Prediction, Solo, Spot

_Step = tuple[str, int]


class Trace:
    """When, in one execution, each attempt's effects took place."""

    def __init__(self, history: History, catalog: Catalog) -> None:
        counts: Counter[tuple[str, str]] = Counter()
        effects: dict[str, list[Effect]] = {}
        self._at: dict[tuple[str, _Step], int] = {}
        self._refused: set[tuple[str, _Step]] = set()
        # Their place in the history is the order in which they were answered; only one attempt
        # moves at a time, so that is the order in which they happened.
        for at, (_, effect) in enumerate(history.of(Effect)):
            if effect.attempt is None:
                continue
            label = f"{effect.tap} {effect.label}"
            counts[effect.attempt, label] += 1
            key = (effect.attempt, (label, counts[effect.attempt, label]))
            self._at[key] = at
            effects.setdefault(effect.attempt, []).append(effect)
            if refused(effect):
                self._refused.add(key)
        footprints = Footprints(catalog)
        self._looks: dict[tuple[str, _Step], frozenset[Resource]] = {}
        self._writes: dict[tuple[str, _Step], frozenset[Resource]] = {}
        for name, own in effects.items():
            for move in story(RenamedRecording(Solo(name, tuple(own))), footprints).moves:
                where = (name, move.spot.step)
                self._looks[where] = self._looks.get(where, frozenset()) | move.looks
                self._writes[where] = self._writes.get(where, frozenset()) | move.writes

    def at(self, attempt: str, spot: Spot) -> int | None:
        """Return when the attempt did this; None if it did not."""
        return self._at.get((attempt, spot.step))

    def done(self, attempt: str, spot: Spot) -> int | None:
        """The same, None also if it was refused."""
        return None if (attempt, spot.step) in self._refused else self.at(attempt, spot)

    def last(self, attempt: str, spot: Spot) -> Spot:
        """The last time that the attempt did this: it may do it again and again."""
        times = [n for who, (label, n) in self._at if (who, label) == (attempt, spot.label)]
        return msgspec.structs.replace(spot, occurrence=max(times, default=spot.occurrence))

    def meets(self, reader: str, read: Spot, writer: str, write: Spot) -> bool:
        """Return whether one attempt's read was of what the other wrote."""
        looks = self._looks.get((reader, read.step), frozenset())
        writes = self._writes.get((writer, write.step), frozenset())
        return any(look.overlaps(other) for look in looks for other in writes)


@dataclass(frozen=True)
class Shown:
    """``bad`` is there between ``mine``, who reads, and ``theirs``; ``words`` tell how."""

    mine: str
    theirs: str
    bad: PredictedOrder
    words: str


def shown_by(
    prediction: Prediction, trace: Trace, all_predictions: Sequence[Prediction] = ()
) -> Shown | None:
    """Return how the execution shows the prediction; None if it does not."""
    meetings = [
        (mine, theirs)
        for mine in prediction.readers
        for theirs in prediction.rivals
        if mine != theirs
    ]
    for mine, theirs in meetings:
        for bad in prediction.orders:
            if words := _overtaken(trace, mine, theirs, bad):
                return Shown(mine, theirs, bad, words)
    for mine, theirs in meetings:
        if shown := _crosswise(trace, mine, theirs, prediction, all_predictions):
            return shown
    return None


def _overtaken(trace: Trace, mine: str, theirs: str, bad: PredictedOrder) -> str | None:
    read, act = trace.at(mine, bad.read), trace.done(mine, bad.act)
    written = trace.done(theirs, bad.seen)
    if read is None or act is None or written is None or trace.done(theirs, bad.write) is None:
        return None
    if not trace.meets(mine, bad.read, theirs, bad.write):
        return None
    if read < written < act:
        return f"{mine} read, then {theirs} wrote, then {mine} made {_plain(bad.act)} all the same"
    settled = None if bad.settled is None else trace.at(mine, bad.settled)
    if settled is not None and read < written < settled:
        return (
            f"{mine} read and made {_plain(bad.act)}, and {theirs} wrote before {mine} had put "
            "that down"
        )
    return None


def _crosswise(
    trace: Trace, mine: str, theirs: str, prediction: Prediction, known: Sequence[Prediction]
) -> Shown | None:
    for other in (prediction, *known):
        if theirs not in other.readers or mine not in other.rivals:
            continue
        for order in prediction.orders:
            for two in other.orders:
                if _before(trace, mine, order, theirs) and _before(trace, theirs, two, mine):
                    did = "both acted on it"
                    if _plain(order.act) == _plain(two.act):
                        did = f"both made {_plain(order.act, whose='their')}"
                    words = f"{mine} and {theirs} both read before either had written, and {did}"
                    return Shown(mine, theirs, order, words)
    return None


def _before(trace: Trace, mine: str, bad: PredictedOrder, theirs: str) -> bool:
    """Return whether ``mine`` read before the other's write, as far as that came, and acted."""
    read, act = trace.at(mine, bad.read), trace.done(mine, bad.act)
    if read is None or act is None or not trace.meets(mine, bad.read, theirs, bad.write):
        return False
    written = trace.at(theirs, bad.seen) or trace.at(theirs, bad.write)
    return written is not None and read < written


def _plain(spot: Spot, whose: str = "its") -> str:
    where, _, what = spot.label.partition(" ")
    return what if where == "stripe" else f"{whose} {what.partition(' ')[0]}"


def refused(effect: Effect) -> bool:
    """Return whether it did nothing: no answer, an error, no row changed, a ROLLBACK."""
    answer = effect.answer
    if answer is None:
        return True
    if effect.tap == "stripe":
        return int(answer.get("status") or 500) >= 400
    if answer.get("error") is not None:
        return True
    tags: Sequence[str] = answer.get("tags") or ()
    changes = [tag for tag in tags if tag.startswith(("UPDATE ", "INSERT ", "DELETE ", "MERGE "))]
    return "ROLLBACK" in tags or (bool(changes) and all(tag.endswith(" 0") for tag in changes))
