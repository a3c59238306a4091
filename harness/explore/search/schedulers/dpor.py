"""Dynamic partial-order reduction with sleep sets: one execution for each that differs.

Flanagan & Godefroid, *Dynamic partial-order reduction for model checking software* (POPL 2005):
execute, find the races in what happened, and go back to make each happen the other way round.
Sleep sets (Godefroid 1996) keep any two complete executions from being the same up to the order
of steps that commute. Which choice reverses a race is decided as in *Optimal dynamic partial
order reduction* (Abdulla, Aronis, Jonsson & Sagonas, POPL 2014), with a difference: only the
steps that happen before the second step of the race are looked at.

Why nothing is missed. Claim: below every node E, for every sequence w possible there that no
sleeper of E could begin (is an *initial* of), some run contains the trace of E.w. Suppose no
choice tried at E begins w, and let p be one that was tried.

* If p commutes with all of w, E.p.w contains E.w; go on below E.p.
* Else w = u.q.z, where q is the first that conflicts with p. By induction on depth a run below
  E.p contains E.p.u.q', where p and q' race, since all between them commutes with p. Its
  ``initials`` on the way to q' are of u or q'. If they are of u, they begin w, and one of them
  was tried: a contradiction. Else q' depends on nothing in u, and its actor was tried at E. If
  that step q0 commutes with u, it begins w: a contradiction. Else take q0 for p: the first step
  of w that conflicts with q0 comes earlier than q did, so this ends.

The last case (q' commutes with something in u, and q0 does not) arises only where a footprint
depends on what others have done. If q0 is asleep at E, it is not tried there; then the steps it
conflicts with are raced as if it had been made (``_asleep``). The order in which the frontier is
worked off plays no part in this.

Steps that are *deferred* (``Pending.deferred``) are not made: statements that would only wait until
another's transaction ends. What they do then they also do if they are made just after that end:
those that wait do nothing, hold nothing and are in nobody's way, and whatever queues behind one of
them can come after it as well. So every execution is equal, but for the waiting, to one without
such steps, and the argument above is about those. A deferred step and the steps of the *tenure* it
was deferred for are like the taking and giving back of a lock: never possible side by side, so
that the race to be reversed is with the step by which the tenure began (``order.Race``).
"""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.explore.search.happens_before import Order, Race
from paidonce.harness.explore.search.schedulers.kind import Extent, SchedulerKind
from paidonce.harness.explore.search.schedulers.tree import Node, TreeScheduler
from paidonce.harness.explore.search.types import Coverage
from paidonce.harness.explore.search.words import attempts, executions_left


class Reduced(TreeScheduler):
    """See the module. Relies on footprints that are never too small, and on the world's promise
    that nobody but an actor itself makes it unable to move (checked while running)."""

    def learn(self, path: Sequence[Node], order: Order | None, start: int) -> None:
        assert order is not None
        for race in order.races:
            first, second, _ = race
            node = path[first]
            initials = order.initials(*race)
            if second >= start:
                self._reverse(node, order, race, initials)
            if initials == [second] and order.steps[second].actor in node.sleep:
                self._asleep(node, order, first, second)

    def _reverse(self, node: Node, order: Order, race: Race, initials: Sequence[int]) -> None:
        """See to it that one of ``initials`` is tried at ``node``, on the way to the second step
        of ``race``."""
        actors = [order.steps[one].actor for one in initials]
        if any(node.has(actor) for actor in actors):
            return
        best = min(range(len(initials)), key=lambda at: node.preempts(actors[at]))
        rest = [one for one in order.way(*race) if one != initials[best]]
        self.push(node, [actors[best], *(order.steps[one].actor for one in rest)])

    def _asleep(self, node: Node, order: Order, first: int, second: int) -> None:
        sleeper = order.steps[second].actor
        theirs = node.sleep[sleeper]
        if theirs == order.steps[second].footprint:
            return
        for at in range(first + 1, len(order.steps)):
            step = order.steps[at]
            if (
                step.actor != sleeper
                and self.footprints.conflict(theirs, step.footprint)
                and not order.before(first, at)
                and not order.before(second, at)
            ):
                race = Race(first, at)
                self._reverse(node, order, race, order.initials(*race))

    def coverage(self, actors: int, steps: str) -> Coverage:
        if self.finished:
            words = f"all interleavings of {attempts(actors)} over {steps}"
            return Coverage(complete=True, words=words)
        words = f"some interleavings of {attempts(actors)} over {steps}, no two of them the same"
        return Coverage(complete=False, words=words + executions_left(self.waiting))


def _make(extent: Extent) -> Reduced:
    return Reduced()


KIND = SchedulerKind(
    name="dpor",
    summary="every interleaving that differs",
    make=_make,
    reduces=True,
)
