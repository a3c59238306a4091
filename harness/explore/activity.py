"""Whether a service is at work: by the processor time it takes, and by who wants more of it.

A process that waits for a lock, a queue or a semaphore takes none and wants none. One that waits
for its turn on a busy machine takes none either, but the kernel lists its threads as runnable.
That nobody is runnable is still no proof: a timer may be about to go off. So this is a
suspicion, to be used where nothing better is known, and only together with time.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

_PROC = Path("/proc")
_AT_WORK = frozenset("RD")
"""States of a thread that runs or is waiting for a processor, or for a disk (proc(5))."""


class ProcessActivity:
    """A process and all it started."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._taken: float | None = None

    def idle(self) -> bool:
        """Whether no processor time was taken since this was last asked, and none is wanted.

        The first answer is False.
        """
        taken, wanted = 0.0, False
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                taken += times.user + times.system
                wanted = wanted or _runnable(process.pid)
        unchanged = taken == self._taken
        self._taken = taken
        return unchanged and not wanted

    def _processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return [self._root, *self._root.children(recursive=True)]
        return []


def _runnable(pid: int) -> bool:
    """Whether a thread of the process runs or wants to; False where there is no /proc."""
    for thread in (_PROC / str(pid) / "task").glob("*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold anything, parentheses too.
            state = thread.read_text().rpartition(")")[2].split()[0]
            if state in _AT_WORK:
                return True
    return False
