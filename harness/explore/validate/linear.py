"""Other orders of the steps of one execution that are the same but for independent steps.

A *linearization* is a permutation of the steps (told by their index) in which every step comes
after those that happen before it. Two of them tell of every pair of independent steps of two
actors in either order: the one in which an actor is always last, and the one in which it is first.
With more actors than two, one for each of them, in which that is last: a step of the actor then
comes only when all that the others could still do depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.explore.search.happens_before import Order

Linearization = tuple[int, ...]


def original(order: Order) -> Linearization:
    return tuple(range(len(order.steps)))


def last(order: Order, actor: str) -> Linearization:
    """The linearization in which the steps of ``actor`` come as late as they can, and all others
    in the order of the execution."""
    steps = order.steps
    left = list(range(len(steps)))
    found: list[int] = []
    while left:
        ready = [
            one
            for at, one in enumerate(left)
            if not any(order.before(earlier, one) for earlier in left[:at])
        ]
        chosen = next((one for one in ready if steps[one].actor != actor), ready[0])
        found.append(chosen)
        left.remove(chosen)
    return tuple(found)


def between(start: Linearization, end: Linearization, count: int) -> Linearization:
    """The first ``count`` steps of ``end``, then all others in the order of ``start``."""
    ahead = end[:count]
    done = set(ahead)
    return (*ahead, *(one for one in start if one not in done))


def moved(start: Linearization, step: int, places: int) -> Linearization:
    """``start`` with ``step`` that many places earlier."""
    at = start.index(step)
    to = at - places
    return (*start[:to], step, *start[to:at], *start[at + 1 :])


def swapped(start: Sequence[int], end: Sequence[int]) -> list[tuple[int, int]]:
    """The pairs of steps that are the other way round in ``end``, as they are in ``start``."""
    place = {step: at for at, step in enumerate(end)}
    return [
        (one, other)
        for at, one in enumerate(start)
        for other in start[at + 1 :]
        if place[other] < place[one]
    ]
