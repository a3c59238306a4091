"""The search for a linearization: does some order of these operations explain their answers?

Each operation must seem to happen at one moment between its invocation and its completion
(Herlihy & Wing, *Linearizability: a correctness condition for concurrent objects*, ACM TOPLAS
1990). The search is that of Wing & Gong (*Testing and verifying concurrent objects*, J. Parallel
Distrib. Comput. 1993), with the two ideas of Lowe (*Testing for linearizability*, Concurrency
Comput. Pract. Exp. 2017): configurations already seen, the set of placed operations together
with the state, are not entered twice, and the operations still to place form a linked list, so
that placing one and taking it back costs the same however long the history is.

Operations whose outcome is not known may take effect at any time after their invocation, or
never. They are tried last, just before something that cannot be placed without them.

Four things keep it fast, none of which changes the answer:

* an operation that only looks is placed the moment it fits (``SequentialModel.observes``);
* an operation of unknown outcome is placed only where it changes the state;
* of several that nobody could tell apart, one goes first: that which must be done first or, of
  those of unknown outcome, that which was invoked first. It can stand wherever another does;
* a set of placed operations is written down as its last one and the gaps before it. All of
  these overlap that one, so it is as long as the concurrency, not as the history.
"""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from paidonce.harness.models.base import SequentialModel
from paidonce.harness.verdict import Status

State = TypeVar("State", bound=Hashable)
Call = TypeVar("Call")


@dataclass(frozen=True, slots=True)
class Interval(Generic[Call]):
    """An operation and when it can have happened, in positions of one total order of events.

    ``returned`` is None when it may have happened at any time after ``invoked``, or never.
    """

    operation: Call
    invoked: int
    returned: int | None


@dataclass(frozen=True, slots=True)
class SearchResult(Generic[State]):
    """The result of the search. Numbers are indexes into the intervals given.

    VALID: ``placed`` is a linearization. INVALID: ``placed`` is the longest beginning of one that
    was found, ``state`` what it leads to, and ``stuck`` the operations that had to come next and
    fitted none. UNKNOWN: as INVALID, but the search was stopped after ``configurations``.
    """

    status: Status
    placed: tuple[int, ...]
    stuck: tuple[int, ...]
    state: State
    configurations: int


def search(
    model: SequentialModel[State, Call],
    intervals: Sequence[Interval[Call]],
    *,
    max_configurations: int = 1_000_000,
    deadline: float = math.inf,
) -> SearchResult[State]:
    """Look for a linearization of ``intervals``, which may come in any order.

    ``deadline`` is a moment of ``time.monotonic()``; past it, or past ``max_configurations``, the
    result is UNKNOWN. Positions must be distinct, save that an interval may be a single one.
    """
    return _Search(model, intervals).run(max_configurations, deadline)


@dataclass(slots=True)
class _Frame(Generic[State]):
    """One configuration on the current path, and which ways on from it are still to be tried."""

    state: State
    last: int
    """Highest index among the required operations placed so far, -1 if none."""
    lifted: list[int] = field(default_factory=list)
    """Required operations placed on entering this frame, in order."""
    optional: int = -1
    """The operation of unknown outcome that was placed on entering this frame, if one was."""
    open: list[int] = field(default_factory=list)
    """Required operations that could be next as far as time goes."""
    candidates: list[int] = field(default_factory=list)
    """One of each kind of these."""
    horizon: float = math.inf
    """First completion among the operations not placed: only what began before it can be next."""
    tried: int = 0
    tried_optional: int = 0


class _Search(Generic[State, Call]):
    def __init__(
        self, model: SequentialModel[State, Call], intervals: Sequence[Interval[Call]]
    ) -> None:
        self.model = model
        by_invocation = sorted(range(len(intervals)), key=lambda n: intervals[n].invoked)
        self.required = [n for n in by_invocation if intervals[n].returned is not None]
        self.optional = [n for n in by_invocation if intervals[n].returned is None]
        self.calls = [intervals[n].operation for n in self.required]
        self.invoked = [intervals[n].invoked for n in self.required]
        self.returned = [
            returned for n in self.required if (returned := intervals[n].returned) is not None
        ]
        self.observes = [model.observes(call) for call in self.calls]
        self.kinds: list[Hashable] = [None] * len(self.calls)
        self.maybes = [intervals[n].operation for n in self.optional]
        self.maybe_invoked = [intervals[n].invoked for n in self.optional]
        self.twin = self._earlier_twins()
        # A ring through the operations not placed yet; index ``head`` stands for its ends.
        self.head = len(self.calls)
        size = self.head + 1
        self.next = [(n + 1) % size for n in range(size)]
        self.previous = [(n - 1) % size for n in range(size)]
        self.used = 0
        """Bit set of the operations of unknown outcome that were placed."""
        self.trail: list[int] = []
        """The operations placed, in order, as indexes into the intervals given."""
        self.left = len(self.calls)
        self.seen: set[tuple[int, tuple[int, ...], int, State]] = set()

    def _earlier_twins(self) -> list[int]:
        latest: dict[Hashable, int] = {}
        twins = []
        for index, call in enumerate(self.maybes):
            signature = self.model.signature(call)
            twins.append(latest.get(signature, -1))
            latest[signature] = index
        return twins

    def run(self, max_configurations: int, deadline: float) -> SearchResult[State]:
        initial = self.model.initial()
        root = _Frame(initial, -1)
        path = [root]
        self._settle(root)
        best: tuple[int, ...] = ()
        stuck: tuple[int, ...] = ()
        best_state, fewest_left = initial, len(self.calls) + 1
        while path and self.left:
            frame = path[-1]
            child = self._advance(frame)
            if child is not None:
                path.append(child)
                if len(self.seen) > max_configurations or (
                    not len(self.seen) & 1023 and time.monotonic() > deadline
                ):
                    break
                continue
            if self.left < fewest_left:
                fewest_left, best_state = self.left, frame.state
                best = tuple(self.trail)
                stuck = tuple(self.required[n] for n in frame.open)
            self._undo(path.pop())
        if not self.left:
            found = tuple(self.trail)
            return SearchResult(Status.VALID, found, (), path[-1].state, len(self.seen))
        status = Status.UNKNOWN if path else Status.INVALID
        return SearchResult(status, best, stuck, best_state, len(self.seen))

    def _advance(self, frame: _Frame[State]) -> _Frame[State] | None:
        """Enter the next configuration reachable from ``frame`` that was not seen yet."""
        while frame.tried < len(frame.candidates):
            index = frame.candidates[frame.tried]
            frame.tried += 1
            state = self.model.step(frame.state, self.calls[index])
            if state is None:
                continue
            child = _Frame(state, max(frame.last, index))
            self._lift(child, index)
            if self._settle(child):
                return child
            self._undo(child)
        while frame.tried_optional < len(self.maybes):
            index = frame.tried_optional
            if self.maybe_invoked[index] > frame.horizon:
                break
            frame.tried_optional += 1
            twin = self.twin[index]
            if self.used >> index & 1 or (twin >= 0 and not self.used >> twin & 1):
                continue
            state = self.model.step(frame.state, self.maybes[index])
            if state is None or state == frame.state:
                continue
            child = _Frame(state, frame.last, optional=index)
            self.used |= 1 << index
            self.trail.append(self.optional[index])
            if self._settle(child):
                return child
            self._undo(child)
        return None

    def _settle(self, frame: _Frame[State]) -> bool:
        """Place what only looks, list what can come next; False if all this was seen before."""
        horizon: float = math.inf
        waiting = []
        index = self.next[self.head]
        while index != self.head and self.invoked[index] <= horizon:
            following = self.next[index]
            if self.observes[index] and self._leaves(frame.state, self.calls[index]):
                self._lift(frame, index)
                frame.last = max(frame.last, index)
            else:
                waiting.append(index)
                horizon = min(horizon, self.returned[index])
            index = following
        frame.open, frame.horizon = waiting, horizon
        gaps = tuple(n for n in waiting if n < frame.last)
        configuration = (frame.last, gaps, self.used, frame.state)
        if configuration in self.seen:
            return False
        self.seen.add(configuration)
        frame.candidates = waiting if len(waiting) < 2 else self._one_of_each_kind(waiting)
        return True

    def _one_of_each_kind(self, waiting: list[int]) -> list[int]:
        first: dict[Hashable, int] = {}
        for index in waiting:
            kind = self.kinds[index]
            if kind is None:
                # What only looks is not worth comparing: it is placed, or does not fit.
                looks = self.observes[index]
                kind = index if looks else self.model.signature(self.calls[index])
                self.kinds[index] = kind
            other = first.get(kind)
            if other is None or self.returned[index] < self.returned[other]:
                first[kind] = index
        return list(first.values())

    def _leaves(self, state: State, call: Call) -> bool:
        after = self.model.step(state, call)
        return after is state or after == state

    def _lift(self, frame: _Frame[State], index: int) -> None:
        before, after = self.previous[index], self.next[index]
        self.next[before], self.previous[after] = after, before
        self.left -= 1
        frame.lifted.append(index)
        self.trail.append(self.required[index])

    def _undo(self, frame: _Frame[State]) -> None:
        for index in reversed(frame.lifted):
            before, after = self.previous[index], self.next[index]
            self.next[before] = self.previous[after] = index
            self.left += 1
            self.trail.pop()
        if frame.optional >= 0:
            self.used &= ~(1 << frame.optional)
            self.trail.pop()
