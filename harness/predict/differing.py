"""The words of a statement that differ in every execution, since its client writes values into it.

A change is made to statements that are the same but for those. Where a value cannot be told from
another word of the statement, it is not known what to change, and the fix is not tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from paidonce.harness.history import Effect
from paidonce.harness.predict.moves import statements_of
from paidonce.harness.predict.types import Fix, Prediction, Solo
from paidonce.harness.taps.changes import Change, Preceded, Replaced
from paidonce.harness.taps.postgres import labels
from paidonce.harness.taps.postgres.changing import words_of

Differing = Mapping[tuple[str, int], frozenset[int]]
"""By a statement without its values, and how many words it has: the places of those that differ."""

MIXED_UP = "it has a value in its text, of another one in every execution, that stands in it twice"


def differing(solos: Sequence[Solo], again: Sequence[Solo]) -> Differing:
    """Return what differs between recordings of attempts that did the same."""
    kinds: dict[tuple[str, ...], list[Solo]] = {}
    for solo in (*solos, *again):
        kinds.setdefault(tuple(effect.label for effect in solo.effects), []).append(solo)
    found: dict[tuple[str, int], set[int]] = {}
    for first, *others in kinds.values():
        for other in others:
            for one, same in zip(first.effects, other.effects, strict=True):
                for key, places in _between(one, same):
                    found.setdefault(key, set()).update(places)
    return {key: frozenset(places) for key, places in found.items() if places}


def told_apart(predictions: Sequence[Prediction], known: Differing) -> tuple[Prediction, ...]:
    """The predictions with changes that are made to statements whatever their values are."""
    if not known:
        return tuple(predictions)
    return tuple(
        msgspec.structs.replace(
            prediction, fixes=tuple(_fix(fix, known) for fix in prediction.fixes)
        )
        for prediction in predictions
    )


def _fix(fix: Fix, known: Differing) -> Fix:
    changes: list[Change] = []
    for change in fix.changes:
        if not isinstance(change, Replaced | Preceded):
            changes.append(change)
            continue
        words = words_of(change.sql)
        places = known.get((labels.normalised(change.sql), len(words)), frozenset())
        values = {words[at] for at in places}
        here, there = Counter(words), Counter(words_of(change.by))
        if any(here[value] > 1 or there[value] > 1 for value in values):
            return msgspec.structs.replace(fix, changes=(), untried=MIXED_UP)
        changes.append(msgspec.structs.replace(change, differing=tuple(sorted(places))))
    return msgspec.structs.replace(fix, changes=tuple(changes))


def _between(one: Effect, other: Effect) -> Iterator[tuple[tuple[str, int], set[int]]]:
    if one.tap != "postgres":
        return
    for mine, theirs in zip(statements_of(one), statements_of(other), strict=False):
        words, others = words_of(mine), words_of(theirs)
        if mine != theirs and len(words) == len(others):
            places = {n for n, word in enumerate(words) if word != others[n]}
            yield (labels.normalised(mine), len(words)), places


__all__ = ["MIXED_UP", "differing", "told_apart"]
