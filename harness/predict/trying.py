"""Tries fixes: makes what they change from outside, and searches again with the service untouched.

That a search is complete with a change says that the change closes the race. Where nothing that was
to be changed came, it says nothing, and neither does a counterexample of an attempt that goes on
although its conditional UPDATE changed no row: what the service does is for the service to change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from paidonce.harness.errors import PaidonceError, UsageError
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import Explored, save
from paidonce.harness.explore.search import Ending
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.history import Effect, History
from paidonce.harness.predict.matching import Trace, refused, shown_by
from paidonce.harness.predict.types import (
    Fix,
    Forecast,
    PredictedOrder,
    Prediction,
    Spot,
    Trial,
    TriedFix,
)
from paidonce.harness.taps.changes import Change, Keyed, Migrated, Replaced
from paidonce.harness.taps.postgres import PostgresTap, Statement
from paidonce.harness.taps.postgres.units import label_of

_IN_USE = "idempotency_key_in_use"
OWN_DATABASE = "the database is one that runs already, and is not changed"


class SearchedUnderChanges(msgspec.Struct, frozen=True, kw_only=True):
    """A search under changes. ``shown`` are the predictions that its counterexample shows; ``once``
    tells that in it Stripe took equal calls for one, as their keys are to have it do."""

    result: Trial
    reason: str
    witness: str = ""
    shown: tuple[Prediction, ...] = ()
    once: bool = False


Opening = Callable[[Sequence[Change]], AbstractAsyncContextManager[list[ServiceWorlds]]]
Searching = Callable[[list[ServiceWorlds]], Awaitable[Explored]]


class Trying:
    """Tries the fixes of a forecast; each set of changes is searched once.

    ``opening`` opens the service under changes, ``searching`` searches it. Witnesses go below
    ``folder``. ``own_database``: the service's database is not ours to change.
    """

    def __init__(
        self,
        forecast: Forecast,
        opening: Opening,
        searching: Searching,
        folder: Path,
        *,
        own_database: bool = False,
    ) -> None:
        self._forecast = forecast
        self._opening, self._searching = opening, searching
        self._folder, self._own_database = folder, own_database
        self._known: dict[frozenset[Change], SearchedUnderChanges] = {}

    async def all(self) -> tuple[tuple[TriedFix, ...], ...]:
        """Return what came of the fixes of each prediction, in their order."""
        return tuple([await self._of(prediction) for prediction in self._forecast.predictions])

    async def _of(self, prediction: Prediction) -> tuple[TriedFix, ...]:
        return tuple([await self._one(prediction, fix) for fix in prediction.fixes])

    async def _one(self, prediction: Prediction, fix: Fix) -> TriedFix:
        if not fix.changes:
            return TriedFix(fix=fix.name, result=Trial.CANNOT, reason=fix.untried)
        if self._own_database and any(isinstance(change, Migrated) for change in fix.changes):
            return TriedFix(fix=fix.name, result=Trial.CANNOT, reason=OWN_DATABASE)
        alone = await self._made(fix.name, fix.changes)
        if alone.result is not Trial.DOES_NOT or not alone.witness:
            return _told(fix, alone)
        others, changes = self._along_with(prediction, fix)
        if changes > set(fix.changes):
            both = await self._made(f"{fix.name} all", sorted(changes, key=repr))
            if both.result is Trial.CLOSES:
                return msgspec.structs.replace(_told(fix, both), along_with=others)
        return open_still(fix, prediction, alone)

    def _along_with(self, prediction: Prediction, fix: Fix) -> tuple[tuple[int, ...], set[Change]]:
        """The changes of all fixes of that name, and the predictions that they are of."""
        others: list[int] = []
        changes = set(fix.changes)
        for number, other in enumerate(self._forecast.predictions, start=1):
            like = [one for one in other.fixes if one.name == fix.name and one.changes]
            if other is not prediction and like:
                others.append(number)
                changes |= {change for alike in like for change in alike.changes}
        return tuple(others), changes

    # --- one search ---------------------------------------------------------------------------

    async def _made(self, name: str, changes: Sequence[Change]) -> SearchedUnderChanges:
        key = frozenset(changes)
        if key not in self._known:
            number = len(self._known) + 1
            folder = self._folder / f"{number}-{name.replace(' ', '-').lower()}"
            self._known[key] = await self._searched(changes, folder)
        return self._known[key]

    async def _searched(self, changes: Sequence[Change], folder: Path) -> SearchedUnderChanges:
        try:
            async with self._opening(changes) as worlds:
                try:
                    explored = await self._searching(worlds)
                except UsageError as alone:
                    return SearchedUnderChanges(
                        result=Trial.DOES_NOT, reason=f"an attempt fails with it alone: {alone}"
                    )
                return self._judged(changes, explored, came(worlds), folder)
        except (InvalidRun, PaidonceError) as error:
            return SearchedUnderChanges(result=Trial.UNDECIDED, reason=str(error))

    def _judged(
        self, changes: Sequence[Change], explored: Explored, made: Counter[Change], folder: Path
    ) -> SearchedUnderChanges:
        result = explored.result
        never = [change for change in changes if not (isinstance(change, Migrated) or made[change])]
        if never:
            reason = f"what was to be changed never came: {never[0].words}"
            return SearchedUnderChanges(result=Trial.UNDECIDED, reason=reason)
        match result.ending:
            case Ending.COMPLETE:
                return SearchedUnderChanges(result=Trial.CLOSES, reason=result.claimed)
            case Ending.INCOMPLETE:
                return SearchedUnderChanges(result=Trial.UNDECIDED, reason=result.reason)
        path = save(explored, folder)
        witness = "" if path is None else path.relative_to(self._folder.parent).as_posix()
        broken = result.found[0].execution.verdict.reason
        if explored.history is None:
            return SearchedUnderChanges(result=Trial.UNDECIDED, reason=broken, witness=witness)
        if (who := in_vain(explored.history, changes)) is not None:
            reason = f"{who} goes on although its UPDATE changed no row: the service has to look"
            return SearchedUnderChanges(result=Trial.UNDECIDED, reason=reason, witness=witness)
        trace = Trace(explored.history, self._forecast.catalog)
        changed = [_under(prediction, changes) for prediction in self._forecast.predictions]
        shown = tuple(
            prediction
            for prediction, now in zip(self._forecast.predictions, changed, strict=True)
            if shown_by(now, trace, changed)
        )
        return SearchedUnderChanges(
            result=Trial.DOES_NOT,
            reason=broken,
            witness=witness,
            shown=shown,
            once=once(explored.history, changes),
        )


def came(worlds: Sequence[ServiceWorlds]) -> Counter[Change]:
    """Return how often each change was made in what attempts sent, on all lanes."""
    made: Counter[Change] = Counter()
    for each in worlds:
        made.update(each.bench.stripe_tap.came)
        for tap in each.bench.taps.values():
            if isinstance(tap, PostgresTap) and tap.changing is not None:
                made.update(tap.changing.came)
    return made


def once(history: History, changes: Sequence[Change]) -> bool:
    """Return whether Stripe took equal calls of several attempts for one, each time they came.

    That it refuses one while the other is under way is the same: there is no second of them.
    """
    made: dict[str, set[str]] = {}
    who: dict[str, set[str]] = {}
    labels = {change.label for change in changes if isinstance(change, Keyed)}
    for _, effect in history.of(Effect):
        answer = effect.answer or {}
        in_use = answer.get("code") == _IN_USE
        if effect.label not in labels or effect.attempt is None:
            continue
        if refused(effect) and not in_use:
            continue
        asked = repr((effect.request.get("path"), effect.request.get("params")))
        if not in_use:
            made.setdefault(asked, set()).add(str(answer.get("id")))
        who.setdefault(asked, set()).add(effect.attempt)
    met = any(len(names) > 1 for names in who.values())
    return met and all(len(ids) == 1 for ids in made.values())


def in_vain(history: History, changes: Sequence[Change]) -> str | None:
    """Return who went on to write, or to call Stripe, although a changed UPDATE changed no row."""
    texts = {change.by for change in changes if isinstance(change, Replaced)}
    effects = [effect for _, effect in history.of(Effect) if effect.attempt is not None]
    for at, effect in enumerate(effects):
        sent = effect.request.get("sql") or ()
        if (effect.answer or {}).get("tags") != ["UPDATE 0"] or texts.isdisjoint(sent):
            continue
        later = [one for one in effects[at + 1 :] if one.attempt == effect.attempt]
        if any(map(_acts, later)):
            return effect.attempt
    return None


def _acts(effect: Effect) -> bool:
    if effect.tap == "stripe":
        return effect.request.get("method") == "POST"
    tags = (effect.answer or {}).get("tags") or ()
    return any(tag.startswith(("UPDATE", "INSERT", "DELETE")) and tag[-2:] != " 0" for tag in tags)


def _under(prediction: Prediction, changes: Sequence[Change]) -> Prediction:
    """The prediction with its statements as they are sent."""
    labels = {
        label_of([Statement(change.sql)]): label_of([Statement(change.by)])
        for change in changes
        if isinstance(change, Replaced)
    }

    def spot(one: Spot) -> Spot:
        return msgspec.structs.replace(one, label=labels.get(one.label, one.label))

    def order(one: PredictedOrder) -> PredictedOrder:
        settled = None if one.settled is None else spot(one.settled)
        return PredictedOrder(
            spot(one.read), spot(one.write), spot(one.seen), spot(one.act), settled
        )

    orders = tuple(map(order, prediction.orders))
    return msgspec.structs.replace(prediction, orders=orders)


def open_still(fix: Fix, prediction: Prediction, alone: SearchedUnderChanges) -> TriedFix:
    """Return what came of a fix under whose changes there is a counterexample."""
    if fix.part and alone.once:
        reason = f"Stripe takes the calls for one, and the rest stays open: {alone.reason}"
        return TriedFix(fix=fix.name, result=Trial.PART, reason=reason, witness=alone.witness)
    if prediction in alone.shown:
        return _told(fix, alone)
    return TriedFix(
        fix=fix.name,
        result=Trial.UNDECIDED,
        reason=f"it breaks in an order that is not this one: {alone.reason}",
        witness=alone.witness,
    )


def _told(fix: Fix, tried: SearchedUnderChanges) -> TriedFix:
    return TriedFix(fix=fix.name, result=tried.result, reason=tried.reason, witness=tried.witness)


__all__ = [
    "OWN_DATABASE",
    "SearchedUnderChanges",
    "Trying",
    "came",
    "in_vain",
    "once",
    "open_still",
]
