"""Weighs whether a prediction is why there is a counterexample: by the same with that pair
reversed.

A counterexample may show several predictions, and break because of one of them. So the reader of a
pair is made to read after the other has written, all else as it was. If that is no counterexample
any more, the pair matters; if it still is one, it does not.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.outcome import judge_outcome
from paidonce.harness.explore.exploration import Explored
from paidonce.harness.explore.search import Ending, Plan, Schedule
from paidonce.harness.explore.search.execute import execute
from paidonce.harness.explore.search.types import Guide
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken
from paidonce.harness.predict.deciding import order_of
from paidonce.harness.predict.matching import Shown, Trace, shown_by
from paidonce.harness.predict.types import Forecast, Prediction, Spot, Weighed
from paidonce.harness.verdict import Status

SECONDS = 20.0
"""The seconds that trying may take."""
_TRIES = 2
"""How often an execution is made until it was under control."""


async def weighed(
    worlds: ServiceWorlds, forecast: Forecast, explored: Explored, seconds: float = SECONDS
) -> dict[Prediction, Weighed]:
    """Return how the predictions bear on the counterexample, or on one of their own.

    Empty where there is no counterexample. A prediction that is not in it, and whose own order
    breaks nothing, is left out, as is all that there was no time for.
    """
    if explored.result.ending is not Ending.COUNTEREXAMPLE or explored.witness is None:
        return {}
    assert explored.history is not None
    names = explored.witness.attempts
    execution = _Execution(
        worlds.telling(worlds.scenario.keeping(names)),
        tuple(step.actor for step in explored.witness.steps),
        Trace(explored.history, forecast.catalog),
    )
    return await _Weighing(worlds, forecast, execution, time.monotonic() + seconds).all()


@dataclass(frozen=True)
class _Execution:
    """One that breaks something, and in which worlds it was made."""

    worlds: ServiceWorlds
    schedule: Schedule
    trace: Trace


@dataclass(frozen=True)
class _Tried:
    """A reversal: whether something was broken all the same, and how it went."""

    broken: bool
    trace: Trace
    last: bool = False
    """True if the read comes after the last of such writes, of several."""


class _Weighing:
    def __init__(
        self, worlds: ServiceWorlds, forecast: Forecast, found: _Execution, deadline: float
    ) -> None:
        self._worlds, self._catalog, self._found = worlds, forecast.catalog, found
        self._predictions = forecast.predictions
        self._deadline = deadline

    async def all(self) -> dict[Prediction, Weighed]:
        shown: dict[Prediction, tuple[_Execution, Shown]] = {}
        for prediction in self._predictions:
            if (here := await self._shown(prediction)) is not None:
                shown[prediction] = here
        tried = {one: await self._reversed(*there) for one, there in shown.items()}
        return {one: self._told(one, shown, tried) for one in shown}

    async def _shown(self, prediction: Prediction) -> tuple[_Execution, Shown] | None:
        """Return where it is shown: in the counterexample, or else in the order that it
        predicts."""
        if there := shown_by(prediction, self._found.trace, self._predictions):
            return self._found, there
        made = await self._made(self._worlds, order_of(prediction).guide)
        if made is None or not made[1].broken:
            return None
        own = _Execution(self._worlds, made[0], made[1].trace)
        there = shown_by(prediction, own.trace, self._predictions)
        return None if there is None else (own, there)

    async def _reversed(self, execution: _Execution, shown: Shown) -> _Tried | None:
        """The same with the read after the other's write; None where it cannot be made.

        Who works through a list writes again: a read in between comes upon the next of it, which
        is the same race once more. So where that breaks too, the read is made after the last.
        """
        tried = await self._after(execution, shown, shown.bad.seen)
        if tried is None or not tried.broken:
            return tried
        last = tried.trace.last(shown.theirs, shown.bad.seen)
        if last.step == shown.bad.seen.step:
            return tried
        again = await self._after(execution, shown, last)
        return tried if again is None else replace(again, last=True)

    async def _after(self, execution: _Execution, shown: Shown, write: Spot) -> _Tried | None:
        guide = partial(
            Later, execution.schedule, (shown.mine, shown.bad.read), (shown.theirs, write)
        )
        made = await self._made(execution.worlds, guide)
        if made is None:
            return None
        read = made[1].trace.at(shown.mine, shown.bad.read)
        written = made[1].trace.at(shown.theirs, write)
        early = read is not None and written is not None and read < written
        return None if early or written is None else made[1]

    async def _made(
        self, worlds: ServiceWorlds, guide: Callable[[], Guide]
    ) -> tuple[Schedule, _Tried] | None:
        for _ in range(_TRIES):
            if time.monotonic() > self._deadline:
                return None
            try:
                run = await execute(worlds, Plan(0, (), guide))
            except InvalidRun:
                continue
            assert worlds.last is not None
            assert worlds.last.judged is not None
            broken = judge_outcome(run.outcome).status is Status.INVALID
            trace = Trace(worlds.last.judged.history, self._catalog)
            return run.schedule, _Tried(broken, trace)
        return None

    # --- what it comes to ---------------------------------------------------------------------

    def _told(
        self,
        one: Prediction,
        shown: Mapping[Prediction, tuple[_Execution, Shown]],
        tried: Mapping[Prediction, _Tried | None],
    ) -> Weighed:
        execution, there = shown[one]
        again = tried[one]
        if again is None:
            alone = not any(e is execution for o, (e, _) in shown.items() if o is not one)
            words = f"{there.words}; it could not be tried whether that is why it breaks"
            return Weighed(matters=alone, words=words)
        if again.broken:
            return Weighed(
                matters=False,
                words=f"{there.words}, but it breaks as well if {there.mine} reads after that",
            )
        if (other := self._instead(one, shown, tried)) is not None:
            return Weighed(
                matters=False,
                words=f"{there.words}, but {other + 1} alone is enough to explain what breaks",
            )
        return Weighed(
            matters=True,
            words=f"{there.words}; nothing is broken if {there.mine} reads after "
            f"{'the last such write' if again.last else 'that'}",
        )

    def _instead(
        self,
        one: Prediction,
        shown: Mapping[Prediction, tuple[_Execution, Shown]],
        tried: Mapping[Prediction, _Tried | None],
    ) -> int | None:
        """The place of another prediction that has to be reversed with it, and heals alone."""
        execution, there = shown[one]
        again = tried[one]
        assert again is not None
        for other, (where, pair) in shown.items():
            healed = tried[other]
            if other is one or where is not execution or healed is None or healed.broken:
                continue
            with_it = not _early(again.trace, pair)
            if with_it and _early(healed.trace, there):
                return self._predictions.index(other)
        return None


def _early(trace: Trace, pair: Shown) -> bool:
    """Return whether the read still comes before the write."""
    read, written = trace.at(pair.mine, pair.bad.read), trace.at(pair.theirs, pair.bad.seen)
    return read is not None and written is not None and read < written


class Later:
    """Goes by a schedule, but for one step that waits until somebody else has made another."""

    def __init__(self, schedule: Schedule, held: tuple[str, Spot], until: tuple[str, Spot]) -> None:
        self._rest = list(schedule)
        self._held, self._until = held, until
        self._made: Counter[tuple[str, str]] = Counter()

    def choose(self, pending: Sequence[Pending]) -> str | None:
        able = [choice.actor for choice in pending if not self._waits(choice)]
        able = able or [choice.actor for choice in pending]
        return next((actor for actor in self._rest if actor in able), able[0])

    def took(self, taken: Taken) -> None:
        self._made[taken.actor, taken.label] += 1
        if taken.actor in self._rest:
            self._rest.remove(taken.actor)

    def _waits(self, one: Pending) -> bool:
        actor, spot = self._held
        if one.actor != actor or one.label != spot.label or self._over():
            return False
        return self._made[actor, spot.label] == spot.occurrence - 1

    def _over(self) -> bool:
        actor, spot = self._until
        return self._made[actor, spot.label] >= spot.occurrence


__all__ = ["SECONDS", "Later", "weighed"]
