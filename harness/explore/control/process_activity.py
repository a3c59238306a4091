"""The activity of a service: at work or not, by the processor time it takes and who wants more of
it.

A process that waits for a lock, a queue or a semaphore takes none and wants none. One that waits
for its turn on a busy machine takes none either, but the kernel lists its threads as runnable.
That nobody is runnable is still no proof: a timer may be about to go off. So this is a
suspicion, to be used where nothing better is known, and only together with time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator

import psutil

_AT_WORK = (b"R", b"D")
"""States of a thread that runs or is waiting for a processor, or for a disk (proc(5))."""
_LONGEST = 4096
"""Bytes; such a line has at most 52 numbers in it and a name of 16 characters."""


def _never() -> bool:
    return False


def _none() -> tuple[int, ...]:
    return ()


class ProcessActivity:
    """Processes and all they started.

    ``connecting`` tells whether it is waiting to be let in by a server: that is work too.
    ``beside`` tells of processes that are at work for a time, besides.
    """

    def __init__(
        self,
        pids: Iterable[int],
        connecting: Callable[[], bool] = _never,
        beside: Callable[[], Collection[int]] = _none,
    ) -> None:
        self._connecting, self._beside = connecting, beside
        self.begin(pids)

    def begin(self, pids: Iterable[int]) -> None:
        """Look at these processes from now on, and all they start."""
        self._roots = [psutil.Process(pid) for pid in pids]
        self._taken: float | None = None
        self._pids: tuple[int, ...] | None = None

    def idle(self) -> bool:
        """Return whether no processor time was taken since this was last asked, and none is wanted.

        The first answer is False.
        """
        taken, wanted = 0.0, self._connecting()
        processes = self._processes()
        self._pids = tuple(process.pid for process in processes)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                taken += times.user + times.system
                wanted = wanted or runnable(process.pid)
        unchanged = taken == self._taken
        self._taken = taken
        return unchanged and not wanted

    def at_work(self) -> bool:
        """Return whether a thread of it is running now, or waiting for its turn.

        Quick: processes that were started since ``idle`` was last asked are overlooked.
        """
        if self._pids is None:
            self._pids = tuple(process.pid for process in self._processes())
        pids = (*self._pids, *self._beside())
        return self._connecting() or any(runnable(pid) for pid in pids)

    def _processes(self) -> list[psutil.Process]:
        processes: list[psutil.Process] = []
        for root in (*self._roots, *_alive(self._beside())):
            with contextlib.suppress(psutil.Error):
                processes += [root, *root.children(recursive=True)]
        return processes


def _alive(pids: Iterable[int]) -> Iterator[psutil.Process]:
    """Yield those of these processes that are still there."""
    for pid in tuple(pids):
        with contextlib.suppress(psutil.Error):
            yield psutil.Process(pid)


def runnable(pid: int) -> bool:
    """Return whether a thread of the process runs or wants to; False where there is no /proc."""
    folder = f"/proc/{pid}/task"
    with contextlib.suppress(OSError):
        for thread in os.listdir(folder):  # noqa: PTH208 - asked after many a step
            # The name in parentheses may hold anything, parentheses too.
            told = _read(f"{folder}/{thread}/stat")
            after_name = told.rfind(b")") + 2
            if told[after_name : after_name + 1] in _AT_WORK:
                return True
    return False


def _read(path: str) -> bytes:
    """Return a file of the kernel's, which is read at once; empty if it is gone."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, _LONGEST)
    except OSError:  # the thread has ended meanwhile
        return b""
    finally:
        os.close(file)
