"""The processes of one trial, and what they leave: shared memory, and themselves."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "KILLS_TRIAL"
"""The variable by which a trial's processes are known."""
GUARDIAN = "its guardian"
LOOK_S = 0.1
_IPC_RMID = 0
"""Of shmctl(2), on Linux."""


@dataclasses.dataclass
class Family:
    """The processes of one trial, as they were seen."""

    mark: str
    began: float = dataclasses.field(default_factory=time.time)
    seen: dict[int, psutil.Process] = dataclasses.field(default_factory=dict)
    over: threading.Event = dataclasses.field(default_factory=threading.Event)

    def watch(self, root: psutil.Process) -> None:
        """Look at who is below ``root`` until it is over."""
        while not self.over.wait(LOOK_S):
            with contextlib.suppress(psutil.Error):
                for process in (root, *root.children(recursive=True)):
                    self.seen.setdefault(process.pid, process)

    def alive(self) -> list[psutil.Process]:
        """Those that run now: seen below the command, or with its mark."""
        found = {one.pid: one for one in tuple(self.seen.values()) if _runs(one)}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self.mark and _runs(process):
                    found.setdefault(process.pid, process)
        return list(found.values())


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def role_of(process: psutil.Process, root: int) -> str:
    """Return what a process of the trial is there for, in words; ``root`` is the command's."""
    if process.pid == root:
        return "the command"
    words = " ".join(process.cmdline())
    for part, role in (
        ("process.guardian", GUARDIAN),
        ("harness.simulator", "the simulator"),
        ("reference_service", "the service"),
        ("shop.py", "the service"),
        ("locust", "Locust"),
        ("valkey", "Redis"),
        ("postgres:", "a backend of Postgres"),
        ("bin/postgres", "the postmaster"),
        ("initdb", "initdb"),
        ("distributed", "a worker"),
        ("spawn_main", "a worker"),
    ):
        if part in words:
            return role
    return process.name()


def segments(family: Family) -> Iterator[int]:
    """System V shared memory that one of the family has made, and to which nobody is attached."""
    table = Path("/proc/sysvipc/shm")
    if not table.exists():
        return
    head, *rows = table.read_text().splitlines()
    names = head.split()
    for row in rows:
        values = dict(zip(names, row.split(), strict=True))
        # A pid may have been somebody else's, who has left something of his own.
        ours = int(values["cpid"]) in family.seen and int(values["ctime"]) >= int(family.began)
        if ours and int(values["nattch"]) == 0:
            yield int(values["shmid"])


def end(running: subprocess.Popen[bytes], family: Family) -> None:
    """Leave nothing of a trial, whatever its command left."""
    family.over.set()
    for process in family.alive():
        with contextlib.suppress(psutil.Error):
            process.kill()
    running.kill()
    running.wait()
    for segment in segments(family):
        ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)
