"""Tries pairs of steps that are taken to commute: every kind of pair in the other order once.

An execution in another order of independent steps swaps many pairs at once. If it comes to the
same for every attempt, all of them commute there. If not, the one to blame is found by halving the
way from the one order to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from paidonce.harness.explore.validate.claims import Claims, Kept, PairOfSteps, order_of
from paidonce.harness.explore.validate.lab import Lab, Refutation
from paidonce.harness.explore.validate.linear import (
    Linearization,
    between,
    moved,
    original,
    swapped,
)
from paidonce.harness.explore.validate.trial import Trial, in_order


@dataclass(eq=False)
class _Way:
    """Another order of one execution, and the kinds of pairs that it has the other way round."""

    kept: Kept
    order: Linearization
    swaps: dict[PairOfSteps, tuple[int, int]]


class Pairs:
    """Those of ``claims``, as far as they are not in ``settled`` yet."""

    def __init__(self, claims: Claims, lab: Lab) -> None:
        self._claims = claims
        self._lab = lab
        self.confirmed: set[PairOfSteps] = set()
        self._ways = list(self._all_ways())

    async def try_all(self) -> Refutation | None:
        """Until each was tried, the time is over, or one is wrong."""
        lab = self._lab
        while not lab.spent and (ways := self._next(len(lab.lanes))):
            made = await lab.side_by_side(
                [partial(in_order, schedule=way.kept.schedule(way.order)) for way in ways]
            )
            for way, trial in zip(ways, made, strict=True):
                self._ways.remove(way)
                if trial is None:
                    continue
                conflict = self._conflicting(way, trial)
                if conflict is not None:
                    return Refutation(pair=conflict, found=lab.found)
                if self._differs(way.kept, trial):
                    finding = await self._blame(way)
                    if finding is not None:
                        return finding
                    continue
                self.confirmed.update(way.swaps)
        return None

    def _all_ways(self) -> Iterator[_Way]:
        kept = {id(one): one for one, _, _ in self._claims.pairs.values()}
        for one in kept.values():
            for actor in one.actors:
                order = one.last(actor)
                swaps = {
                    one.names(first, second): (first, second)
                    for first, second in swapped(original(one.order), order)
                }
                if swaps:
                    yield _Way(one, order, swaps)

    def _next(self, count: int) -> list[_Way]:
        """Those with the most kinds that were not tried yet."""
        left = set(self._claims.pairs) - self.confirmed
        chosen: list[_Way] = []
        while left and len(chosen) < count:
            best = max(
                (way for way in self._ways if way not in chosen),
                key=lambda way: len(left & way.swaps.keys()),
                default=None,
            )
            if best is None or not left & best.swaps.keys():
                break
            chosen.append(best)
            left -= best.swaps.keys()
        return chosen

    # --- what a trial shows ----------------------------------------------------------------------

    def _differs(self, kept: Kept, trial: Trial) -> bool:
        lab, run = self._lab, kept.run
        return (
            trial.departed is not None
            or not lab.same(trial.outcome, run.outcome)
            or lab.parts(run.taken, run.outcome, trial) is not None
        )

    def _conflicting(self, way: _Way, trial: Trial) -> tuple[str, str] | None:
        """Kinds of two swapped steps of which the footprints say now that they do not commute."""
        if trial.departed is not None:
            return None
        order = order_of(trial.taken, self._claims.footprints)
        place = {step: at for at, step in enumerate(way.order)}
        steps = order.steps
        for first, second in way.swaps.values():
            one, other = steps[place[first]], steps[place[second]]
            if self._claims.footprints.conflict(one.footprint, other.footprint):
                return way.kept.kinds(first, second)
        return None

    # --- who is to blame -------------------------------------------------------------------------

    async def _blame(self, way: _Way) -> Refutation | None:
        """Return why ``way`` comes to something else; None if it does not after all, or nobody can
        say since the time is over."""
        kept, start = way.kept, original(way.kept.order)
        noise = self._lab.noise
        again = await self._made(kept, start)
        if again is None:
            return Refutation(unsteady="an execution could not be made again")
        if unsteady := self._lab.unsteady(kept.run, again):
            return Refutation(unsteady=unsteady, found=self._lab.found)
        if self._lab.noise != noise:
            # What differs from execution to execution proves nothing.
            trial = await self._made(kept, way.order)
            if trial is not None and not self._differs(kept, trial):
                self.confirmed.update(way.swaps)
                return None
            return await self._blame(way)
        count = await self._halve(kept, lambda at: between(start, way.order, at), 0, len(way.order))
        before = between(start, way.order, count)
        step = way.order[count]
        most = before.index(step) - count
        places = await self._halve(kept, lambda at: moved(before, step, at), 0, most)
        jumped = before[before.index(step) - places - 1]
        trial = await self._made(kept, moved(before, step, places + 1))
        kinds = kept.kinds(jumped, step)
        parting = (
            None if trial is None else self._lab.parts(kept.run.taken, kept.run.outcome, trial)
        )
        if parting is not None and parting.unseen:
            return Refutation(memory=parting, pair=kinds, found=self._lab.found)
        return Refutation(pair=kinds, found=self._lab.found)

    async def _halve(
        self, kept: Kept, order: Callable[[int], Linearization], low: int, high: int
    ) -> int:
        """A number for which ``order`` agrees with ``kept``, and for the next does not."""
        while high - low > 1:
            middle = (low + high) // 2
            trial = await self._made(kept, order(middle))
            if trial is None or self._differs(kept, trial):
                high = middle
            else:
                low = middle
        return low

    async def _made(self, kept: Kept, order: Linearization) -> Trial | None:
        schedule = kept.schedule(order)
        return await self._lab.make(lambda worlds: in_order(worlds, schedule))
