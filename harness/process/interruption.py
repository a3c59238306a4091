"""Being told to end: once to end in good order, twice to end at once.

Whoever types Ctrl-C again does not want to wait for what the first one set going, and an exception
that is raised anywhere, in the middle of cleaning up, tells nobody anything but its traceback. So
the second one ends the process where it stands. Its guardian removes what is left, as it does when
a process is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that was ended by Ctrl-C, as shells have it: 128 + SIGINT."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A CI system that cancels a job sends SIGTERM, a terminal that is closed SIGHUP: what was found by
then is to be written before the command ends, as on Ctrl-C."""


class Interruption:
    """A handler of signals that ask to end.

    The first raises ``KeyboardInterrupt`` or, while an event loop runs, cancels its main task; the
    second leaves at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self._cancel: Callable[[], object] | None = None

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            leave_at_once()
        self.asked = True
        if self._cancel is None:
            raise KeyboardInterrupt
        self._cancel()

    @contextlib.contextmanager
    def cancelling(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Have the first signal call ``cancel``, in the thread of the loop, while this lasts."""
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None


def leave_at_once() -> None:
    """End the process with exit code 130, and with one word."""
    with contextlib.suppress(OSError):
        os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Handle signals that ask to end in this way, while this lasts and once one has come.

    A signal that is ignored (SIGHUP under nohup, SIGINT in the background of a script) stays
    ignored, and one that somebody else handles stays theirs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interruption = Interruption()
    own = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in ENDING}
    handled = [number for number in ENDING if before[number] in own]
    for number in handled:
        signal.signal(number, interruption)
    try:
        yield
    finally:
        if not interruption.asked:
            for number in handled:
                signal.signal(number, before[number])
