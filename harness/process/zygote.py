"""Processes forked from one that has loaded what they need: a *zygote*.

To start a service anew costs what its program takes to load, every time. A zygote has loaded it
once, has begun nothing, and forks a process that goes on from there, as if it had just loaded it.
Only a program that knows how can be one. It is told what to do by lines of JSON on its standard
input, and answers by a line among its output:

    {"id": ID, "fork": {"NAME": "value"}, "log": "/file"}
        the forked process, once it leads a session of its own, with that environment: "zygote ID
        PID"; what it writes from then on it appends to the file
    {"id": ID, "reap": PID}
        the zygote, when that has ended: "zygote ID EXIT_CODE"

A zygote that ends takes all it forked with it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from paidonce.harness.errors import PaidonceError
from paidonce.harness.process.child import Child, open_log
from paidonce.harness.process.custody import custody
from paidonce.harness.process.exits import ExitWatch

_FORKS_WITHIN_S = 120.0
"""Loading what is needed comes before the first fork."""


class Zygote:
    """A running zygote; the constructor starts it, and raises ``ChildFailed``.

    Safe to use from any thread.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        log: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._child = Child(name, argv, env=env, cwd=cwd, log=log, hold_stdin=True)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def fork(self, name: str, env: Mapping[str, str], log: Path | None = None) -> Forked:
        """A new process with ``env`` as its whole environment; its output goes to ``log``, as that
        of any child of ours.

        Raises ``ChildFailed`` where the zygote has ended, and ``DeadlineExceeded``.
        """
        written = open_log(log)
        begins = os.fstat(written.fileno()).st_size
        try:
            # A file without a name is found by our descriptor for it.
            place = f"/proc/{os.getpid()}/fd/{written.fileno()}"
            pid = self._ask({"fork": dict(env), "log": place}, "fork a process")
        except BaseException:
            written.close()
            raise
        return Forked(name, self, pid, env, written, begins)

    def reap(self, pid: int) -> int:
        """Let go of a process that has ended; returns its exit code."""
        return self._ask({"reap": pid}, "let go of a process")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Return whether it has not ended."""
        return self._child.running

    def stop(self) -> None:
        """End it, and all it forked."""
        self._child.stop()

    def _ask(self, what: dict[str, Any], words: str) -> int:
        with self._lock:
            asked = f"zygote {next(self._numbers)} "
            since = self._child.written
            self._child.tell(json.dumps({"id": asked.split()[1], **what}))

            def told(line: str) -> int | None:
                return int(line.removeprefix(asked)) if line.startswith(asked) else None

            return self._child.wait_line(words, told, _FORKS_WITHIN_S, since)


class Forked(Child):
    """A process that a zygote has forked: killed, stopped and watched as any child of ours."""

    def __init__(
        self,
        name: str,
        zygote: Zygote,
        pid: int,
        env: Mapping[str, str],
        log: IO[bytes],
        begins: int,
    ) -> None:
        """``begins`` is the byte of its log at which its output begins."""
        self.name, self.pid = name, pid
        self._zygote = zygote
        self._env = dict(env)
        self._stop_signal, self._grace = int(signal.SIGTERM), 5.0
        self._lock = threading.RLock()
        self._returncode: int | None = None
        self._log = log
        self._begins = begins
        self._exit = ExitWatch(pid)
        self._ticket = custody.add_process(pid)

    def _peeked(self) -> int | None:
        return None  # only its parent is told

    def _reaped(self) -> int:
        with contextlib.suppress(PaidonceError):
            return self._zygote.reap(self.pid)
        return -signal.SIGKILL  # the zygote has ended, and it with it

    def _close_stdin(self) -> None:
        """Its standard input is empty."""
