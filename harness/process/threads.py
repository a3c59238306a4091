"""Work in a thread that whoever waits for it can call off.

A thread does not see a Ctrl-C: ``asyncio.to_thread`` leaves it running when its caller is
cancelled, and the interpreter then waits for it at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from paidonce.harness.errors import PaidonceError

T = TypeVar("T")


class CalledOff(PaidonceError):
    """Whoever asked for the work no longer wants it."""


def go_on(called_off: threading.Event | None, what: str) -> None:
    """Raises ``CalledOff`` if ``what`` is no longer wanted."""
    if called_off is not None and called_off.is_set():
        raise CalledOff(f"{what} is no longer wanted")


async def in_thread(
    work: Callable[[threading.Event], T], undo: Callable[[T], None] = lambda done: None
) -> T:
    """Run ``work`` in a thread and return its result; the event that it is given is set when it is
    called off.

    When the caller is cancelled, the event is set and the thread's end is waited for, so that
    nothing it uses is taken away from under it; what it has made all the same is ``undo``ne.
    ``work`` should look at the event often and raise ``CalledOff``.
    """
    called_off = threading.Event()
    working = asyncio.get_running_loop().run_in_executor(None, work, called_off)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        called_off.set()
        with contextlib.suppress(Exception):
            undo(await working)
        raise
