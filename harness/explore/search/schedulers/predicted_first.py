"""Explores the orders first that somebody expects to be bad, and then everything as ever.

What is expected comes from elsewhere (``paidonce.harness.predict``) and may be wrong: the
executions made for it are made ahead of the search, which then goes the whole way it would have
gone anyway. So a prediction changes when a counterexample is found, and nothing of what is
complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import msgspec

from paidonce.harness.explore.search.types import Coverage, Guide, Plan, Run, Scheduler
from paidonce.harness.explore.search.world import COMMITS, Pending, Taken


class BadOrder(msgspec.Struct, frozen=True, kw_only=True):
    """``reader`` makes its steps up to a certain one, then ``rival`` all it can, then the rest.

    That step is the ``occurrence``-th (from 1) of ``reader``'s with this ``label``. A commit of its
    own belongs to it: until then its locks would keep the rival from what it is to do.
    """

    reader: str
    label: str
    rival: str
    occurrence: int = 1

    def guide(self) -> Guide:
        return _Towards(self)


class Ahead(Protocol):
    """An order to be tried; equal ones are tried once. Can be pickled."""

    def guide(self) -> Guide:
        """Return the guide that makes the choices of one execution towards the order."""
        ...


class Foretold:
    """A ``Scheduler`` that makes one execution for each of ``orders``, and then goes by ``rest``.

    Their coverage is not claimed: it is that of ``rest``.
    """

    def __init__(self, orders: Sequence[Ahead], rest: Scheduler) -> None:
        self._rest = rest
        # The rest numbers its plans from 0.
        self._ahead = [
            Plan(-number, (), order.guide)
            for number, order in enumerate(dict.fromkeys(orders), start=1)
        ]

    @property
    def waiting(self) -> int:
        return len(self._ahead) + self._rest.waiting

    def upcoming(self, count: int) -> Sequence[Plan]:
        ahead = self._ahead[:count]
        return [*ahead, *self._rest.upcoming(count - len(ahead))] if len(ahead) < count else ahead

    def commit(self, plan: Plan, run: Run) -> bool:
        if plan.key >= 0:
            return self._rest.commit(plan, run)
        self._ahead.pop(0)
        return True

    def abandon(self, plan: Plan) -> None:
        if plan.key >= 0:
            self._rest.abandon(plan)
        else:
            self._ahead.pop(0)

    def coverage(self, actors: int, steps: str) -> Coverage:
        return self._rest.coverage(actors, steps)


class _Towards:
    """Goes by one ``BadOrder``; where somebody cannot move, whoever can takes its place."""

    def __init__(self, order: BadOrder) -> None:
        self._order = order
        self._made: Counter[str] = Counter()
        self._read = False
        """True if the reader's last step was one of those that are called so."""

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        order, able = self._order, [choice.actor for choice in pending]
        first, second = order.reader, order.rival
        commits = any(choice.actor == first and choice.label == COMMITS for choice in pending)
        if self._made[order.label] >= order.occurrence and not (self._read and commits):
            first, second = second, first
        return first if first in able else second if second in able else able[0]

    def took(self, taken: Taken) -> None:
        if taken.actor == self._order.reader:
            self._made[taken.label] += 1
            self._read = taken.label == self._order.label
