"""Holds open each kind of statement that is taken for a single moment, beside another attempt.

``BEGIN; statement; COMMIT`` is what the server does with a statement that commits by itself. So
with a pause before the COMMIT it may come to nothing that it could not come to anyhow: if it was a
single moment, to nothing that was not seen yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.explore.search.world import COMMITS, Pending, Taken, Worlds
from paidonce.harness.explore.validate.claims import Claims, Moment
from paidonce.harness.explore.validate.lab import Lab, Refutation
from paidonce.harness.explore.validate.learnt import kind
from paidonce.harness.explore.validate.trial import Trial, chosen, going_on


class Moments:
    """Those of ``claims``."""

    def __init__(self, claims: Claims, lab: Lab) -> None:
        self._claims = claims
        self._lab = lab
        self.confirmed: set[str] = set()

    async def try_all(self) -> Refutation | None:
        """Until each was tried, the time is over, or one is wrong."""
        for name, places in self._claims.moments.items():
            for moment in places.values():
                if self._lab.spent:
                    return None
                trial = await self._lab.make(_Holding(moment).make, held=True)
                if trial is None:
                    break
                if not self._lab.is_known(trial.outcome):
                    return Refutation(apart=name, found=self._lab.found)
            else:
                self.confirmed.add(name)
        return None


class _Holding:
    """Follows an execution up to a moment, holds that open, and lets the other go."""

    def __init__(self, moment: Moment) -> None:
        steps = moment.kept.run.taken
        self._holder, self._other = steps[moment.at].actor, moment.other
        self._held = kind(self._holder, steps[moment.at].label)
        self._ahead = [step.actor for step in steps[: moment.at]]

    async def make(self, worlds: Worlds) -> Trial:
        ahead = list(reversed(self._ahead))
        opened = over = False

        def choose(pending: tuple[Pending, ...], taken: Sequence[Taken]) -> str:
            nonlocal opened, over
            able = {choice.actor: choice.label for choice in pending if not choice.deferred}
            if opened and not over:
                if self._other in able:
                    return self._other
                over = True
            for actor, label in able.items():
                if label == COMMITS:  # what is not held open commits at once
                    return actor
            while ahead:
                actor = ahead.pop()
                if actor in able:
                    return actor
            if not opened and self._holder in able:
                opened = kind(self._holder, able[self._holder]) == self._held
                return self._holder
            return going_on(list(able), taken)

        taken, outcome = await chosen(worlds, choose)
        return Trial(taken, outcome)
