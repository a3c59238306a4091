"""Tries inputs one after the other, for so many or for so long, and counts them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("PAIDONCE_FUZZ_SECONDS", "20"))
"""Of each kind, in the slow suite."""
LONGEST_S = 60.0
"""How long one input may take on a machine that is busy; most take milliseconds."""
_AT_ONCE = 100


@dataclass
class Tried:
    """How many inputs there were, and how many of them were understood."""

    inputs: int = 0
    understood: int = 0
    slowest_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.inputs} inputs, {self.understood} understood, {self.slowest_s:.2f} s at most"


class TookTooLong(AssertionError):
    """An input took longer than any may."""


def tried(
    inputs: st.SearchStrategy[Any], take: Callable[[Any], bool], examples: int | None = None
) -> Tried:
    """Have ``take`` take inputs: so many, the same in every run, or others for ``SECONDS``.

    ``take`` returns whether it could make sense of one, and raises what it must not raise.
    """
    counted = Tried()

    def one(value: Any) -> None:
        began = time.monotonic()
        with at_most(LONGEST_S):
            counted.understood += take(value)
        counted.inputs += 1
        counted.slowest_s = max(counted.slowest_s, time.monotonic() - began)

    unhurried = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    if examples is not None:
        settings(max_examples=examples, derandomize=True, **unhurried)(given(inputs)(one))()
        return counted
    until = time.monotonic() + SECONDS
    number = int(os.environ.get("PAIDONCE_FUZZ_SEED", str(time.time_ns() % 2**32)))
    print(f"PAIDONCE_FUZZ_SEED={number}")
    while time.monotonic() < until:
        trying = settings(max_examples=_AT_ONCE, **unhurried)(given(inputs)(one))
        seed(number)(trying)()
        number += 1
    return counted


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises ``TookTooLong`` where what is done meanwhile takes longer; in the main thread."""

    def raises(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLong(f"{seconds:g} s were not enough")

    before = signal.signal(signal.SIGALRM, raises)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
