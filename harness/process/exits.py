"""Waiting for a child to exit without reaping it.

As long as its parent has not reaped it, a dead child's pid, and so the number of the group and
session it led, stays reserved. Only then is it safe to signal "the group of that child".
"""

from __future__ import annotations

import contextlib
import os
import select
import time

import psutil

_POLL_SECONDS = 0.01


class ExitWatch:
    """Tells when the child ``pid`` has exited. On Linux one pidfd (pidfd_open(2)) is held.

    Must be created before the child is reaped; usable from any thread.
    """

    def __init__(self, pid: int) -> None:
        self._descriptor: int | None = None
        self.pid = pid
        self._exited = False
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # old kernels and some sandboxes lack it
                self._descriptor = os.pidfd_open(pid)

    def wait(self, seconds: float) -> bool:
        """Wait up to ``seconds`` (0: just look); returns whether the child has exited."""
        if self._exited:
            return True
        if self._descriptor is None:
            return self._wait_by_looking(seconds)
        waiter = select.poll()
        waiter.register(self._descriptor, select.POLLIN)
        self._exited = bool(waiter.poll(max(0.0, seconds) * 1000))
        return self._exited

    def __del__(self) -> None:
        # Not earlier: another thread may be waiting on the number, which would be reused.
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _wait_by_looking(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._look():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(left, _POLL_SECONDS))
        self._exited = True
        return True

    def _look(self) -> bool:
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True
