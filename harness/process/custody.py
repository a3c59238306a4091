"""The things that this process has started and must not leave behind, as told to its guardian.

The guardian (see ``paidonce.harness.process.guardian``) is started at the first registration and
never waited for: the pipe holds what it has not read yet. A registration costs one write.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paidonce.harness.process import identity, modules


class Custody:
    """The registrations of one process; safe to use from any thread.

    A guardian that was killed is replaced at the next registration, and told everything again.
    A forked child starts with an empty custody: what its parent started is its parent's.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._registered: dict[str, bytes] = {}
        self._numbers = itertools.count(1)
        self._guardian: subprocess.Popen[bytes] | None = None

    def add_process(
        self,
        pid: int,
        *,
        stop_signal: int = signal.SIGTERM,
        grace: float = 5.0,
    ) -> str:
        """Register a child of ours that leads a session of its own; returns its ticket.

        ``grace`` is how many seconds it gets after ``stop_signal`` before ``SIGKILL``.
        The child must be forgotten before it is reaped, so that its pid stays reserved.
        """
        born = identity.birth(pid)
        return self._add("process", pid=pid, birth=born, signal=int(stop_signal), grace=grace)

    def add_folder(self, path: Path) -> str:
        """Register a folder we made, to be removed with all it holds; returns its ticket."""
        found = path.lstat()
        return self._add(
            "folder", path=str(path.absolute()), device=found.st_dev, inode=found.st_ino
        )

    def add_command(self, argv: Sequence[str]) -> str:
        """Register a command that undoes something (absolute paths); returns its ticket."""
        return self._add("command", argv=list(argv))

    def forget(self, ticket: str) -> None:
        """Its clean-up is done. Forgetting twice, or after a fork, is harmless."""
        with self._lock:
            if self._registered.pop(ticket, None) is not None:
                self._send(_line({"do": "forget", "id": ticket}))

    @property
    def tickets(self) -> frozenset[str]:
        """Return the tickets that are registered now."""
        with self._lock:
            return frozenset(self._registered)

    @property
    def guardian_pid(self) -> int | None:
        """The helper's pid once it has been started."""
        with self._lock:
            return None if self._guardian is None else self._guardian.pid

    def _add(self, kind: str, **details: Any) -> str:
        with self._lock:
            ticket = f"{kind}-{next(self._numbers)}"
            line = _line({"do": kind, "id": ticket, **details})
            self._registered[ticket] = line
            self._send(line)
            return ticket

    def _send(self, line: bytes) -> None:
        try:
            if self._guardian is not None:
                _write(self._guardian, line)
                return
        except OSError:  # it was killed, so its pipe is broken
            self._drop_guardian()
        if self._registered:
            self._guardian = _start_guardian()
            _write(self._guardian, b"".join(self._registered.values()))

    def _drop_guardian(self) -> None:
        guardian, self._guardian = self._guardian, None
        if guardian is not None and guardian.stdin is not None:
            with contextlib.suppress(OSError):
                guardian.stdin.close()
            guardian.poll()

    def _after_fork_in_child(self) -> None:
        # The child's copy of the pipe must go, or the guardian would not notice our death while
        # the child lives; the lock may have been held by a thread that was not copied.
        self._lock = threading.RLock()
        self._registered = {}
        guardian, self._guardian = self._guardian, None
        if guardian is not None:
            guardian.returncode = 0  # not the child's to wait for
            if guardian.stdin is not None:
                with contextlib.suppress(OSError):
                    guardian.stdin.close()


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _write(guardian: subprocess.Popen[bytes], data: bytes) -> None:
    assert guardian.stdin is not None
    rest = memoryview(data)
    while rest:  # unbuffered, so a signal may cut a write short
        rest = rest[guardian.stdin.write(rest) :]


def _start_guardian() -> subprocess.Popen[bytes]:
    argv, environment = modules.command("paidonce.harness.process.guardian")
    # An ignored signal stays ignored across exec(3): the guardian is deaf from its first moment,
    # and not only once its interpreter is up.
    deaf = ["/bin/sh", "-c", "trap '' INT TERM HUP; exec \"$@\"", "guardian"]
    return subprocess.Popen(
        [*deaf, *argv],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        bufsize=0,
        start_new_session=True,
    )


custody = Custody()
"""The custody of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=custody._after_fork_in_child)
