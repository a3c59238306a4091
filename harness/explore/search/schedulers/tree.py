"""The tree of choices explored so far, its frontier, and how a run is added to it.

What dfs, dpor and bounded have in common: a node is a point of an execution, its children are
the choices that were tried there. The frontier holds the choices that are still to be tried,
those with the fewest preemptive context switches first (iterative context bounding: Musuvathi &
Qadeer, PLDI 2007), since most bugs need few. They differ in which choices they put there.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from paidonce.harness.explore.search.choices import Continued, drowsy
from paidonce.harness.explore.search.happens_before import Footprints, Order, OrderedStep
from paidonce.harness.explore.search.types import Coverage, Expected, Plan, Run
from paidonce.harness.explore.search.world import Taken, Tenure

_NOBODY: Mapping[str, int] = {}


@dataclass(slots=True, eq=False)
class Node:
    """A point of an execution, reached by ``parent``'s choice ``actor``."""

    parent: Node | None
    actor: str
    label: str
    footprint: int
    """Of the step that leads here; -1 at the root."""
    enabled: tuple[str, ...]
    """Who can be chosen here."""
    last: str | None
    """Who made the last step that was not local."""
    switches: int
    """Preemptive context switches on the way here."""
    sleep: Mapping[str, int]
    """Who need not move here, each with the footprint of its next step."""
    tenures: tuple[Tenure, ...] = ()
    """When the step that leads here would have been deferred."""
    follows: int | None = None
    """The step before which it was deferred whatever else happened."""
    leaves: bool = False
    """True if the actor of the step could not make another when the next choice came."""
    done: dict[str, Node] = field(default_factory=dict)
    planned: set[str] = field(default_factory=set)

    def preempts(self, actor: str) -> bool:
        """Return whether choosing ``actor`` takes the turn from one that could go on."""
        return self.last is not None and actor != self.last and self.last in self.enabled

    def has(self, actor: str) -> bool:
        return actor in self.done or actor in self.planned or actor in self.sleep


@dataclass(slots=True, eq=False)
class _Branch:
    node: Node
    script: tuple[str, ...]
    prefix: tuple[Expected, ...] | None = None
    """The way to ``node``, once it was asked for."""


class TreeScheduler(ABC):
    """See the module; ``limit`` leaves out what has more preemptive context switches."""

    def __init__(self, limit: int | None = None) -> None:
        self.footprints = Footprints()
        self.limit = limit
        self._root: Node | None = None
        self.began = False
        self._frontier: list[tuple[int, int]] = []
        self._branches: dict[int, _Branch] = {}
        self._keys = 0
        self._abandoned: list[int] = []
        self._beyond = False
        self._words: dict[tuple[str, ...], tuple[str, ...]] = {}

    # what a scheduler decides

    @abstractmethod
    def learn(self, path: Sequence[Node], order: Order | None, start: int) -> None:
        """Plan what the run along ``path`` showed to be needed.

        ``path[i]`` is the node before step ``i``, the last one is the end; those after
        ``path[start]`` are new.
        """

    def sleepers(self, node: Node) -> Mapping[str, int]:
        """Return who sleeps in the next child of ``node``, as far as that choice does not wake
        them."""
        return {**node.sleep, **{actor: child.footprint for actor, child in node.done.items()}}

    @property
    def ordered(self) -> bool:
        """Return whether ``learn`` needs happens-before."""
        return True

    @abstractmethod
    def coverage(self, actors: int, steps: str) -> Coverage: ...

    # what the search asks

    @property
    def waiting(self) -> int:
        return len(self._frontier) if self.began else 1

    def upcoming(self, count: int) -> Sequence[Plan]:
        if not self.began:
            return [Plan(0, (), Continued(self.footprints, _NOBODY, None))][:count]
        first = [heapq.heappop(self._frontier) for _ in range(min(count, len(self._frontier)))]
        for item in first:
            heapq.heappush(self._frontier, item)
        return [self._plan(key) for _, key in first]

    def commit(self, plan: Plan, run: Run) -> bool:
        branch = self._branches.get(plan.key)
        start = len(plan.prefix)
        sleeps = self._sleeps(branch, run.taken[start:])
        if sleeps is None:
            return False
        self._settle(plan)
        if branch is None:
            enabled = run.taken[0].chosen_from if run.taken else run.rest
            self._root = Node(None, "", "", -1, self._word(enabled), None, 0, _NOBODY)
            path = [self._root]
        else:
            path = _path(branch.node)
            branch.node.planned.discard(run.taken[start].actor)
        ends = [*(step.chosen_from for step in run.taken[start + 1 :]), run.rest]
        for step, enabled, sleep in zip(run.taken[start:], ends, sleeps, strict=False):
            path.append(self._child(path[-1], step, enabled, sleep))
        self._mark_leaving(path, start)
        order = None
        if self.ordered:
            made = [
                OrderedStep(
                    child.actor, child.footprint, node.enabled, child.tenures, child.follows
                )
                for node, child in pairwise(path)
            ]
            order = Order(self.footprints, made)
        self.learn(path, order, start)
        return True

    def abandon(self, plan: Plan) -> None:
        cost = self._frontier[0][0] if self.began and self._frontier else 0
        self._settle(plan)
        self._abandoned.append(cost)

    # what a scheduler does with it

    def push(self, node: Node, script: Sequence[str]) -> None:
        """Plan to go to ``node`` and on with ``script``, the first of which is the choice."""
        actor = script[0]
        cost = node.switches + node.preempts(actor)
        if self.limit is not None and cost > self.limit:
            self._beyond = True
            return
        node.planned.add(actor)
        self._keys += 1
        self._branches[self._keys] = _Branch(node, tuple(script))
        heapq.heappush(self._frontier, (cost, self._keys))

    def local(self, node: Node) -> bool:
        """Return whether the step to ``node`` was local, so that the point before it is no
        choice."""
        return node.footprint < 0 or self.footprints.empty(node.footprint)

    @property
    def finished(self) -> bool:
        """Return whether nothing is left, was left out or was given up."""
        return self.began and not (self._frontier or self._abandoned or self._beyond)

    @property
    def floor(self) -> int:
        """The fewest preemptive switches of anything that is left, was left out or given up."""
        costs = list(self._abandoned)
        if self._frontier:
            costs.append(self._frontier[0][0])
        if self._beyond and self.limit is not None:
            costs.append(self.limit + 1)
        return min(costs, default=0)

    # its own business

    def _plan(self, key: int) -> Plan:
        branch = self._branches[key]
        node = branch.node
        prefix = branch.prefix
        if prefix is None:
            prefix = branch.prefix = tuple(self._expected(one) for one in _path(node)[1:])
        sleep = dict(self.sleepers(node))
        return Plan(key, prefix, Continued(self.footprints, sleep, node.last, branch.script))

    def _expected(self, node: Node) -> Expected:
        assert node.parent is not None
        return Expected(
            actor=node.actor,
            label=node.label,
            enabled=node.parent.enabled,
            footprint=self.footprints[node.footprint],
        )

    def _sleeps(
        self, branch: _Branch | None, steps: Sequence[Taken]
    ) -> list[Mapping[str, int]] | None:
        """Return who sleeps after each step; None if one was made that is asleep by now."""
        sleep = _NOBODY if branch is None else self.sleepers(branch.node)
        sleeps: list[Mapping[str, int]] = []
        for step in steps:
            if step.actor in sleep:
                return None
            number = self.footprints.number(step.footprint)
            sleep = drowsy(self.footprints, sleep, step.actor, number) if sleep else _NOBODY
            sleeps.append(sleep or _NOBODY)
        return sleeps

    def _settle(self, plan: Plan) -> None:
        if not self.began:
            self.began = True
            return
        _, key = heapq.heappop(self._frontier)
        assert key == plan.key, "plans are committed in order"
        del self._branches[key]

    def _child(
        self, node: Node, step: Taken, enabled: tuple[str, ...], sleep: Mapping[str, int]
    ) -> Node:
        number = self.footprints.number(step.footprint)
        local = self.footprints.empty(number)
        child = Node(
            parent=node,
            actor=step.actor,
            label=step.label,
            footprint=number,
            enabled=self._word(enabled),
            last=node.last if local else step.actor,
            switches=node.switches + (not local and node.preempts(step.actor)),
            sleep=sleep,
            tenures=step.tenures,
            follows=step.follows,
        )
        node.done[step.actor] = child
        return child

    def _mark_leaving(self, path: Sequence[Node], start: int) -> None:
        # Local steps come at once, so what counts is who can move when they are through.
        enabled = path[-1].enabled
        for index in range(len(path) - 1, start, -1):
            node = path[index]
            node.leaves = node.actor not in enabled
            if not self.local(node):
                enabled = path[index - 1].enabled

    def _word(self, actors: tuple[str, ...]) -> tuple[str, ...]:
        return self._words.setdefault(actors, actors)


def _path(node: Node) -> list[Node]:
    path = [node]
    while path[-1].parent is not None:
        path.append(path[-1].parent)
    path.reverse()
    return path
