"""Processor time of processes and all they have started."""

from __future__ import annotations

from collections.abc import Sequence

import psutil


def tree(pid: int) -> list[psutil.Process]:
    """The process and everything it has started so far."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def spent(processes: Sequence[psutil.Process]) -> float:
    """Seconds of processor time so far, of those that are still there."""
    seconds = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system
    return seconds
