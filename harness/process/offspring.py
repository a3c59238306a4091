"""The processes below a child of ours, and waiting until they are gone."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterable

import psutil

_POLL_SECONDS = 0.005
GUARDIAN = "paidonce.harness.process.guardian"
"""The module that a guardian runs, by which its process is known."""
GUARDIAN_SECONDS = 120.0
"""How long the clean-up of a guardian may take, on a machine that stalls."""


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


def without_guardians(
    processes: Iterable[psutil.Process],
) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Return the processes that may be killed, and the guardians among them.

    A child of ours may be a harness as well, as workers of a search are. Its guardian removes what
    it has made, and ends by itself after that: nobody else knows what that is.
    """
    others, guardians, spared = [], [], set()
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if GUARDIAN in process.cmdline():
                guardians.append(process)
                spared |= {process.pid, *(below.pid for below in process.children(recursive=True))}
    others = [process for process in processes if process.pid not in spared]
    return others, guardians


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
