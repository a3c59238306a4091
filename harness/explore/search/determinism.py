"""Replays what was executed, to expose a service that its schedule does not determine.

Clocks, random numbers, background threads and caches that survive a reset make an execution
depend on more than who moved when. Then nothing found by a search holds. The idea of a wrapping
scheduler that replays is that of Shuttle (https://github.com/awslabs/shuttle,
``UncontrolledNondeterminismCheckScheduler``).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.search.replay import expectations, replay
from paidonce.harness.explore.search.types import Nondeterministic, Run
from paidonce.harness.explore.search.world import Worlds


@dataclass(frozen=True, slots=True)
class Recheck:
    """Replays a ``share`` (0 to 1) of the executions that went to their end.

    Which ones follows from ``seed`` and the schedule alone. Raises ``UsageError`` for a share
    that is none.
    """

    share: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UsageError(f"recheck: share is {self.share}; expected a number from 0 to 1")

    def chosen(self, run: Run) -> bool:
        """Return whether ``run`` is one of those replayed."""
        if run.pruned:
            return False
        return random.Random(f"{self.seed} {' '.join(run.schedule)}").random() < self.share

    async def check(self, worlds: Worlds, run: Run) -> None:
        """Replay ``run`` if it is chosen.

        Raises ``Nondeterministic`` when labels, who could move, or the outcome differ, and
        ``InvalidRun`` when the replay itself was out of control.
        """
        if not self.chosen(run):
            return
        again = await replay(worlds, expectations(run.taken))
        if again.divergence is not None:
            raise Nondeterministic(f"nondeterministic: replayed, {again.divergence}")
        if again.run.outcome != run.outcome:
            raise Nondeterministic(
                "nondeterministic: replayed step by step, the outcome was "
                f"{again.run.outcome!r} instead of {run.outcome!r}"
            )
