"""Runs a Python program in processes forked from one that has loaded modules ahead: a *zygote*.

    python forking.py MODULES COMMAND...

Started by its path, with the program's own interpreter, so it imports nothing of ours and nothing
that is not Python's. MODULES are names with commas between; COMMAND is what follows "python": a
file with its arguments, or "-m" and a module. Nothing of the program itself runs before the fork.
See ``paidonce.harness.process.zygote`` for the lines it is told and answers.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)


def fork_when_asked() -> list[str]:
    """Load the modules, and fork whenever a line asks for it, until there are no more.

    Returns the command in the forked process, and nothing in this one.
    """
    modules, command = sys.argv[1], sys.argv[2:]
    module = command[0] == "-m"
    # As "python COMMAND" has it: the folder of the program is in front, and none of ours.
    sys.path[0] = str(Path.cwd() if module else Path(command[0]).resolve().parent)
    for name in filter(None, modules.split(",")):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    parent = os.getpid()
    for line in sys.stdin:
        asked = json.loads(line)
        if "reap" in asked:
            status = os.waitpid(asked["reap"], 0)[1]
            _answer(asked["id"], os.waitstatus_to_exitcode(status))
        elif os.fork() == 0:
            os.setsid()
            _end_with(parent)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ.clear()
            os.environ.update(asked["fork"])
            _answer(asked["id"], os.getpid())
            _write_to(asked["log"])
            return command
    return []


def _run(command: list[str]) -> None:
    """Run a program as ``python COMMAND`` does."""
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


def _answer(asked: str, number: int) -> None:
    os.write(1, f"zygote {asked} {number}\n".encode())


def _write_to(log: str) -> None:
    """Have all that is written from now on go there."""
    opened = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    os.close(opened)


def _end_with(parent: int) -> None:
    """Be killed when the parent ends; at once where it has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__" and (asked_for := fork_when_asked()):
    _run(asked_for)
