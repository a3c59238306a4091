"""A scheduler that goes by another, and notes what its executions rely on."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.explore.search.types import Coverage, Plan, Run, Scheduler
from paidonce.harness.explore.validate.claims import Claims
from paidonce.harness.explore.validate.ways import Ways


class Noting:
    """The scheduler ``rest``; what its executions rely on is noted in ``claims``."""

    def __init__(self, rest: Scheduler, claims: Claims, ways: Ways | None = None) -> None:
        self._rest = rest
        self._claims = claims
        self._ways = ways

    @property
    def waiting(self) -> int:
        return self._rest.waiting

    def upcoming(self, count: int) -> Sequence[Plan]:
        return self._rest.upcoming(count)

    def commit(self, plan: Plan, run: Run) -> bool:
        if not self._rest.commit(plan, run):
            return False
        if self._ways is not None:
            self._ways.add(run)
        if not run.pruned:
            self._claims.add(run)
        return True

    def abandon(self, plan: Plan) -> None:
        self._rest.abandon(plan)

    def coverage(self, actors: int, steps: str) -> Coverage:
        return self._rest.coverage(actors, steps)
