"""The event loop our commands run on: uvloop's where there is one, which is quicker."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on the quickest loop this machine has."""
    try:
        import uvloop
    except ImportError:  # not made for every system
        return asyncio.run(main)
    return uvloop.run(main)
