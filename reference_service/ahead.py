"""The service loaded ahead: forked for each start that is asked for, having begun nothing.

Lines of JSON on standard input ask for it: who needs the service often, and anew each time, as a
harness that kills it. What is built on the way, as the schemas of requests, stays; the application,
its pools and all that is its own are made after the fork.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Callable

from paidonce.reference_service.settings import Settings, load

_PR_SET_PDEATHSIG = 1  # prctl(2)


def fork_when_asked(serve: Callable[[Settings], int]) -> int:
    """Load all that ``serve`` needs, and fork whenever a line asks for it, until there are no more.

    Returns in the forked process as well, when it has served.
    """
    import uvicorn  # noqa: F401 - loaded for who is forked

    from paidonce.reference_service.app import create_app

    create_app(load(os.environ))
    gc.collect()
    gc.freeze()
    parent = os.getpid()
    for line in sys.stdin:
        asked = json.loads(line)
        if "reap" in asked:
            _, status = os.waitpid(asked["reap"], 0)
            _answer(asked["id"], os.waitstatus_to_exitcode(status))
        elif os.fork() == 0:
            os.setsid()
            _end_with(parent)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ.clear()
            os.environ.update(asked["fork"])
            _answer(asked["id"], os.getpid())
            _write_to(asked["log"])
            return serve(load(os.environ))
    return 0


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
