"""Every maximal schedule, without any reduction: the yardstick for the searches that reduce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from paidonce.harness.explore.search.happens_before import Order
from paidonce.harness.explore.search.schedulers.kind import Extent, SchedulerKind
from paidonce.harness.explore.search.schedulers.tree import Node, TreeScheduler
from paidonce.harness.explore.search.types import Coverage
from paidonce.harness.explore.search.words import at_most, attempts, executions_left


class DepthFirst(TreeScheduler):
    """At every point that is not local, everyone who can move moves first in some execution.

    The depth-first walk of the tree of choices, though its branches are taken in the order of
    their preemptive context switches. Its number of executions grows with the number of
    schedules, not of those that differ.
    """

    @property
    def ordered(self) -> bool:
        return False

    def sleepers(self, node: Node) -> Mapping[str, int]:
        return {}

    def learn(self, path: Sequence[Node], order: Order | None, start: int) -> None:
        for node, child in pairwise(path[start:]):
            if self.local(child):
                continue
            for actor in node.enabled:
                if not node.has(actor):
                    self.push(node, (actor,))

    def coverage(self, actors: int, steps: str) -> Coverage:
        if self.finished:
            return Coverage(
                complete=True, words=f"all schedules of {attempts(actors)} over {steps}"
            )
        words = f"some schedules of {attempts(actors)} over {steps}"
        if self.began and self.floor > 0:
            words = (
                f"all schedules of {attempts(actors)} over {steps} with {at_most(self.floor - 1)}"
            )
        return Coverage(complete=False, words=words + executions_left(self.waiting))


def _make(extent: Extent) -> DepthFirst:
    return DepthFirst()


KIND = SchedulerKind(
    name="dfs",
    summary="every one",
    make=_make,
)
