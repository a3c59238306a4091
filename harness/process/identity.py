"""Which process a pid means: a pid may belong to somebody else once its process was reaped.

On Linux the moment of birth is field 22 (``starttime``) of ``/proc/PID/stat``, in clock ticks
since boot (proc_pid_stat(5)): unlike a wall-clock creation time it does not move when the clock
is set. Elsewhere it is psutil's creation time.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil

_LINUX = sys.platform == "linux"


def birth(pid: int) -> float:
    """Return when process ``pid`` was born, in a unit comparable with other births and ``now``
    only.

    Raises ``ProcessLookupError`` when there is no such process. A zombie still has its birth.
    """
    if not _LINUX:
        try:
            return float(psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            raise ProcessLookupError(pid) from None
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    # The command name is in parentheses and may itself hold spaces and parentheses; 22 - 2
    # fields follow its end up to the one wanted.
    return float(stat.rpartition(b")")[2].split()[19])


def now() -> float:
    """This moment in the unit of ``birth``."""
    if _LINUX:
        return time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")
    return time.time()
