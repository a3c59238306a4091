"""All that differs with few preemptive context switches first, and a true statement at any time.

A context switch is *preemptive* if it takes the turn from an actor that could go on. Bounding
them (Musuvathi & Qadeer, PLDI 2007) and partial-order reduction disturb each other, since of two
equal executions one may have more switches: the reduction needs more choices (Coons, Musuvathi &
McKinley, *Bounded partial-order reduction*, OOPSLA 2013). Here:

* Where a switch costs nothing (at the start, or when the last actor waits or is done), everyone
  who can move is tried.
* Elsewhere the last actor goes on; if that step p races in some run, everyone whose next step
  commutes with p in that run, or races with it there, is tried too. So a choice g is added
  whenever g begins an execution, within the bound, that is not equal to one beginning with p: the
  execution p.u.q', where u begins with g and q' is the first to conflict with p, needs no more
  switches than u.q, as u cannot contain a step of the last actor.
* Only those sleep whose step can be made earlier without another switch: the last actor's, which
  has the turn, and steps after which the actor waits or is done, which give it back for nothing.

So when all that is left has more than k preemptive switches, every schedule with at most k is
equal, up to the order of steps that commute, to one explored. With nothing left, all are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from paidonce.harness.explore.search.happens_before import Order
from paidonce.harness.explore.search.schedulers.kind import Extent, SchedulerKind
from paidonce.harness.explore.search.schedulers.tree import Node, TreeScheduler
from paidonce.harness.explore.search.types import Coverage
from paidonce.harness.explore.search.words import at_most, attempts, executions_left


class Bounded(TreeScheduler):
    """See the module; executions of the same trace may be repeated."""

    def sleepers(self, node: Node) -> Mapping[str, int]:
        going = node.last
        tried = {
            actor: child.footprint
            for actor, child in node.done.items()
            if child.leaves or actor == going
        }
        return {**node.sleep, **tried}

    def learn(self, path: Sequence[Node], order: Order | None, start: int) -> None:
        assert order is not None
        for node, child in pairwise(path[start:]):
            if not self.local(child) and node.last not in node.enabled:
                self._try(node, node.enabled)
        racing: dict[int, list[int]] = {}
        for first, second, _ in order.races:
            racing.setdefault(first, []).append(second)
        for first, seconds in racing.items():
            begins = {
                order.steps[one].actor
                for second in (*seconds, *order.firsts(first).values())
                if second in seconds or not order.before(first, second)
                for one in order.initials(first, second)
            }
            self._try(path[first], sorted(begins))

    def _try(self, node: Node, actors: Sequence[str]) -> None:
        for actor in actors:
            if not node.has(actor):
                self.push(node, (actor,))

    def covers(self, switches: int) -> bool:
        """Return whether all executions with at most ``switches`` preemptive context switches are
        explored."""
        return self.finished or (self.began and self.floor > switches)

    def coverage(self, actors: int, steps: str) -> Coverage:
        who = f"all interleavings of {attempts(actors)} over {steps}"
        if self.finished:
            return Coverage(complete=True, words=who)
        if not self.began or self.floor == 0:
            words = f"some interleavings of {attempts(actors)} over {steps}"
        else:
            words = f"{who} with {at_most(self.floor - 1)}"
        return Coverage(complete=False, words=words + executions_left(self.waiting))


def _make(extent: Extent) -> Bounded:
    return Bounded(extent.switches)


KIND = SchedulerKind(
    name="bounded",
    summary="all with at most so many context switches",
    make=_make,
)
