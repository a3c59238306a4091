"""Finds the units of steps by their labels: for steps that do not say which event theirs is, those
of older witnesses and of replays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from paidonce.harness.explore.naming.preparation import MAKER
from paidonce.harness.history import Effect, Event


def labelled(label: str, attempts: Sequence[str]) -> Callable[[Event], bool]:
    """Return a test whether an event is a unit with this label, which has names where the history
    has generated values."""
    actors = "|".join(re.escape(name) for name in (*attempts, MAKER))
    names = re.compile(rf"(?:{actors})[\#@]\d+|(?:intent of )?order \d+")
    pattern = re.compile(".+?".join(map(re.escape, names.split(label))), re.DOTALL)
    return lambda event: (
        isinstance(event, Effect) and bool(pattern.fullmatch(f"{event.tap} {event.label}"))
    )
