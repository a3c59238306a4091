"""The event loop our commands run on: uvloop's where there is one, which is quicker."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from paidonce.harness.process.interruption import Interruption

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on the quickest loop this machine has.

    Where a command is interruptible (see ``paidonce.harness.process.interruption``), the first
    Ctrl-C cancels ``main`` and is raised once it has ended, and the second ends the process.
    """
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):  # not made for every system
        from uvloop import new_event_loop as factory
    handler = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and isinstance(handler, Interruption):
        return _interruptible(main, handler, factory)
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def _interruptible(
    main: Coroutine[Any, Any, T],
    handler: Interruption,
    factory: Callable[[], asyncio.AbstractEventLoop] | None,
) -> T:
    running: list[asyncio.Task[Any]] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def noted() -> T:
        task = asyncio.current_task()
        assert task is not None
        running.append(task)
        if handler.asked:
            task.cancel()
        return await main

    def cancel() -> None:
        # In the middle of whatever the loop does: it is woken, and cancels when it comes to it.
        # Where the tasks that ``main`` has left behind are being ended that is done already; raised
        # there, it would end one of them, and nobody would hear of it.
        for loop in loops:
            with contextlib.suppress(RuntimeError):  # closed by now
                loop.call_soon_threadsafe(lambda: [task.cancel() for task in running])

    with handler.cancelling(cancel):
        try:
            with asyncio.Runner(loop_factory=factory) as runner:
                loops.append(runner.get_loop())
                return runner.run(noted())
        except asyncio.CancelledError:
            if handler.asked:
                raise KeyboardInterrupt from None
            raise
