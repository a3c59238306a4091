"""Tries kills that are taken to come to the same before and after what others only looked at.

Whose process is killed has looked at things, and locked them, for nobody. So a search under
failures makes a kill in one order with such steps of others. Here the kill comes first: who is in
the process makes those steps no more, and all the same the execution has to come to what it came
to.
"""

from __future__ import annotations

from paidonce.harness.explore.search.world import LOST
from paidonce.harness.explore.validate.claims import Claims, Kept, PairOfSteps
from paidonce.harness.explore.validate.lab import Lab, Refutation
from paidonce.harness.explore.validate.trial import Trial, in_order


class Kills:
    """Those of ``claims``."""

    def __init__(self, claims: Claims, lab: Lab) -> None:
        self._claims = claims
        self._lab = lab
        self.confirmed: set[PairOfSteps] = set()

    async def try_all(self) -> Refutation | None:
        """Until each was tried, the time is over, or one is wrong."""
        lab = self._lab
        for name, (kept, at) in self._claims.kills.items():
            if name in self.confirmed:
                continue
            if lab.spent:
                return None
            schedule = killed_first(kept, at)
            trial = await lab.make(lambda worlds, way=schedule: in_order(worlds, way))  # type: ignore[misc]
            if trial is None:
                continue
            if self._differs(kept, trial):
                noise, run = lab.noise, kept.run
                again = await lab.make(lambda worlds, way=run: in_order(worlds, way.schedule))  # type: ignore[misc]
                if again is None:
                    continue
                if unsteady := lab.unsteady(run, again):
                    return Refutation(unsteady=unsteady, found=lab.found)
                if lab.noise == noise or self._differs(kept, trial):
                    return Refutation(kill=name, found=lab.found)
            self.confirmed.update(kept.names(one, at) for one in kept.beside(at))
        return None

    def _differs(self, kept: Kept, trial: Trial) -> bool:
        return trial.departed is not None or not self._lab.same(trial.outcome, kept.run.outcome)


def killed_first(kept: Kept, at: int) -> tuple[str, ...]:
    """The schedule in which the kill of step ``at`` comes before all that it is taken to commute
    with: who loses its connection by it makes none of that, anybody else makes it afterwards."""
    taken, beside = kept.run.taken, set(kept.beside(at))
    lost = {step.actor for step in taken[at:] if step.label == LOST}
    first = [step.actor for n, step in enumerate(taken[:at]) if n not in beside]
    later = [taken[one].actor for one in sorted(beside) if taken[one].actor not in lost]
    return (*first, taken[at].actor, *later, *(step.actor for step in taken[at + 1 :]))
