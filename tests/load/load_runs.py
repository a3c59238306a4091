"""What tests of load runs have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.results.load_run import Load

Api = Callable[[str], str]
"""Starts the tests' own service in a mode, and answers its address."""
LoadOn = Callable[..., Load]
"""Given a mode and a profile: load on the tests' own service. More is as in ``run_load``."""

PURE = ("one-success", "clean-rejections", "linearizable")
"""Checkers that need nothing but the operations."""
DEADLINE_S = 120.0
"""For whatever has to happen, on however busy a machine."""
QUICK: dict[str, Any] = {"seconds": 4.0, "warmup": 0.5, "patience": DEADLINE_S, "users": 6}


def until(what: str, holds: Callable[[], bool], seconds: float = DEADLINE_S) -> None:
    """Wait until something holds. Raises ``DeadlineExceeded`` where it does not come to that."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise DeadlineExceeded(what, seconds)
        time.sleep(0.005)
