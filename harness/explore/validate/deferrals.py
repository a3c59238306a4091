"""Lets statements wait that were not sent, since all they could do was wait.

A deferral claims that a statement sent while another attempt holds its lock comes to what it comes
to when it is sent just after that attempt's COMMIT. So it is sent while the lock is held.
"""

from __future__ import annotations

from paidonce.harness.explore.search.types import Run
from paidonce.harness.explore.validate.claims import Claims, Deferral
from paidonce.harness.explore.validate.lab import Lab, Refutation
from paidonce.harness.explore.validate.trial import Trial, in_order


class Deferrals:
    """Those of ``claims``."""

    def __init__(self, claims: Claims, lab: Lab) -> None:
        self._claims = claims
        self._lab = lab
        self.confirmed: set[str] = set()

    async def try_all(self) -> Refutation | None:
        """Until each was tried, the time is over, or one is wrong."""
        lab = self._lab
        for name, deferral in self._claims.deferrals.items():
            if lab.spent:
                return None
            schedule = waiting(deferral)
            trial = await lab.make(lambda worlds, way=schedule: in_order(worlds, way))  # type: ignore[misc]
            if trial is None:
                continue
            run = deferral.kept.run
            if self._differs(run, trial):
                noise = lab.noise
                again = await lab.make(lambda worlds, way=run: in_order(worlds, way.schedule))  # type: ignore[misc]
                if again is None:
                    continue
                if unsteady := lab.unsteady(run, again):
                    return Refutation(unsteady=unsteady, found=lab.found)
                if lab.noise == noise or self._differs(run, trial):
                    return Refutation(deferral=name, found=lab.found)
            self.confirmed.add(name)
        return None

    def _differs(self, run: Run, trial: Trial) -> bool:
        return (
            trial.departed is not None
            or not self._lab.same(trial.outcome, run.outcome)
            or self._lab.parts(run.taken, run.outcome, trial) is not None
        )


def waiting(deferral: Deferral) -> tuple[str, ...]:
    """The schedule in which the statement waits; where it was sent, it now gets its answer."""
    actors = [step.actor for step in deferral.kept.run.taken]
    early = deferral.after + 1
    return (*actors[:early], actors[deferral.at], *actors[early:])
