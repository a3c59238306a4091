"""The processes below a child of ours, and waiting until they are gone."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterable

import psutil

_POLL_SECONDS = 0.005


def descendants(pid: int) -> list[psutil.Process]:
    """Children of ``pid``, their children and so on, while ``pid`` is there to be asked."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def members(processes: Iterable[psutil.Process], group: int) -> list[psutil.Process]:
    """Those in process group ``group``. The others, such as PostgreSQL's backends, went their
    own ways: they answer to the group's leader, and what the leader leaves is only to be killed.
    """
    found = []
    for process in processes:
        with contextlib.suppress(OSError):
            if os.getpgid(process.pid) == group:
                found.append(process)
    return found


def gone(process: psutil.Process) -> bool:
    """Return whether it runs no more. A zombie is gone: it waits for its parent, not for us.

    An orphan's new parent may well be slow to reap it (pid 1 of many containers never does), so
    waiting for the pid to disappear would wait for somebody else's diligence.
    """
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(processes: Collection[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait up to ``seconds`` until all are gone; returns those that are not."""
    deadline = time.monotonic() + seconds
    while left := [process for process in processes if not gone(process)]:
        if time.monotonic() >= deadline:
            return left
        time.sleep(_POLL_SECONDS)
    return []
