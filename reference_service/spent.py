"""Where the time of a request goes, told to whoever asked for it by ``SERVER_TIMING=1``.

An answer then has a ``Server-Timing`` header (W3C, *Server Timing*): milliseconds spent waiting for
the pool, for the database, for Redis and for Stripe. It is off by default: what it says is nothing
that a customer has to know. A request is worked on by one thread, so that is where it is counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

POOL, DATABASE, REDIS, STRIPE = "pool", "db", "redis", "stripe"

_here = threading.local()


def start() -> None:
    """Count from zero, for this thread's request."""
    _here.seconds = {}


@contextmanager
def on(name: str) -> Iterator[None]:
    """Count the time inside under ``name``, if this thread counts."""
    seconds: dict[str, float] | None = getattr(_here, "seconds", None)
    if seconds is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began


def told() -> str:
    """Return what was counted since ``start``, as the value of the header; counting ends."""
    seconds: dict[str, float] = _here.seconds
    del _here.seconds
    return ", ".join(f"{name};dur={spent * 1000:.3f}" for name, spent in seconds.items())
