"""The helper process that tidies up when the harness dies without having done so itself.

``python -m paidonce.harness.process.guardian`` reads one JSON object a line from its standard
input, a pipe whose only writer is the harness. When the pipe ends, the harness is gone, by whatever
way (``SIGKILL`` included), and everything registered and not forgotten is removed: process groups
first, then commands, then folders.

It never signals a process the harness did not start. A process is known by its pid together
with its birth (``paidonce.harness.process.identity``), since a pid alone may be somebody else's by
then. If the leader of a group has gone, members of its *session* are still ours: the harness does
not reap a leader before it has forgotten it, so its number could not be reused while it lived.

Messages (``id`` is chosen by the sender):

* ``{"do": "process", "id": "..", "pid": n, "birth": n, "signal": n, "grace": seconds}``
* ``{"do": "folder", "id": "..", "path": "..", "device": n, "inode": n}``
* ``{"do": "command", "id": "..", "argv": ["..."]}``: run once at the end, 30 s at most
* ``{"do": "forget", "id": ".."}``

Little more than the standard library and psutil is imported: the helper must start quickly and
must work when the rest of the harness does not.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from paidonce.harness.process import identity
from paidonce.harness.process.offspring import (
    GUARDIAN_SECONDS,
    members,
    wait_gone,
    without_guardians,
)

COMMAND_SECONDS = 30.0
_KILL_SECONDS = 30.0

Message = dict[str, Any]


def find_ours(pid: int, born: float, before: float) -> list[psutil.Process]:
    """The still-living processes of the child ``pid``: itself, its session and its offspring.

    ``before`` is when the harness was known to be dead: a member of a leaderless session that
    is younger cannot be vouched for and is left alone.
    """
    found: dict[int, psutil.Process] = {}
    try:
        leader = psutil.Process(pid)
        if identity.birth(pid) != born:
            return []
        found[pid] = leader
        for process in leader.children(recursive=True):
            found[process.pid] = process
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            in_session = process.pid != os.getpid() and os.getsid(process.pid) == pid
            if in_session and born <= identity.birth(process.pid) <= before:
                found.setdefault(process.pid, process)
    return list(found.values())


def send(processes: Iterable[psutil.Process], number: int) -> None:
    """Signal each; psutil checks the creation time again, so a reused pid is never hit."""
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            process.send_signal(number)


def _stop_processes(messages: list[Message], before: float) -> None:
    groups = [(m, find_ours(int(m["pid"]), float(m["birth"]), before)) for m in messages]
    for message, processes in groups:
        send(members(processes, int(message["pid"])), int(message["signal"]))
    deadline = time.monotonic() + max((float(m["grace"]) for m in messages), default=0.0)
    for message, processes in groups:
        wait_gone(members(processes, int(message["pid"])), deadline - time.monotonic())
    for message, processes in groups:
        late = find_ours(int(message["pid"]), float(message["birth"]), before)
        left = {p.pid: p for p in (*processes, *late)}
        killed, guardians = without_guardians(left.values())
        send(killed, signal.SIGKILL)
        wait_gone(killed, _KILL_SECONDS)
        wait_gone(guardians, GUARDIAN_SECONDS)


def _run_commands(messages: list[Message]) -> None:
    for message in messages:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                [str(part) for part in message["argv"]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=COMMAND_SECONDS,
                check=False,
            )


def _remove_folders(messages: list[Message]) -> None:
    for message in messages:
        remove_folder(Path(message["path"]), int(message["device"]), int(message["inode"]))


def remove_folder(path: Path, device: int, inode: int) -> None:
    """Remove ``path`` with all it holds, if it still is the folder with that identity."""
    try:
        found = path.lstat()
    except OSError:
        return
    if (found.st_dev, found.st_ino) == (device, inode):
        shutil.rmtree(path, ignore_errors=True)


def clean_up(registered: dict[str, Message]) -> None:
    """Stop, run and remove all that is registered, newest first (they lean on older ones)."""
    before = identity.now()
    newest_first = list(reversed(registered.values()))

    def of(kind: str) -> list[Message]:
        return [message for message in newest_first if message["do"] == kind]

    _stop_processes(of("process"), before)
    _run_commands(of("command"))
    _remove_folders(of("folder"))


def main() -> None:
    """Read messages until the pipe ends, then clean up."""
    # Ctrl-C and a closed terminal go to everybody; the guardian is the one who must stay.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    registered: dict[str, Message] = {}
    for line in sys.stdin.buffer:
        try:
            message = json.loads(line)
        except ValueError:
            continue  # the last line of a harness that died while it wrote it
        if message["do"] == "forget":
            registered.pop(message["id"], None)
        else:
            registered[message["id"]] = message
    clean_up(registered)


if __name__ == "__main__":
    main()
