"""One child process of ours: started in its own session, watched, and stopped with its offspring.

Everything the child writes goes to a file, never through a pipe we would have to keep draining:
a slow harness must not be able to stall a server under test.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Self, TypeVar

import psutil

from paidonce.harness.errors import DeadlineExceeded, PaidonceError
from paidonce.harness.masking import without_secrets_of
from paidonce.harness.process.custody import custody
from paidonce.harness.process.exits import ExitWatch
from paidonce.harness.process.offspring import (
    GUARDIAN_SECONDS,
    descendants,
    members,
    wait_gone,
    without_guardians,
)

T = TypeVar("T")

PROBE_SECONDS = 0.005
"""How long to wait between two looks at whether a child is ready, at first."""
LONGEST_PROBE_SECONDS = 0.1
_LOOK_SECONDS = 0.1
"""How soon it is noticed that a child's end is no longer waited for."""
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_KILL_SECONDS = 30.0
"""How long an end that cannot be refused may take, on a machine that stalls."""


class ChildFailed(PaidonceError):
    """A child could not be started, or ended before it was ready.

    ``returncode`` is as in ``subprocess`` (negative: killed by that signal), or None when it did
    not start at all. ``log`` holds the last lines it wrote.
    """

    def __init__(self, name: str, problem: str, returncode: int | None, log: str) -> None:
        said = f"; it said last:\n{log}" if log else ""
        super().__init__(f"{name} {problem}{said}")
        self.name = name
        self.problem = problem
        self.returncode = returncode
        self.log = log


class Child:
    """A running child process; the constructor starts it.

    ``name`` is what messages call it. ``env`` is its whole environment (default: ours). ``log``
    is the file its output is appended to (default: a nameless temporary file, readable through
    ``output``). ``stop_signal`` and ``grace`` (seconds) are how ``stop`` asks first. With
    ``hold_stdin`` the child's standard input stays open until it is stopped or we die;
    otherwise it is empty. ``user`` and ``group`` are numeric ids to run as (needs root); the
    supplementary groups are dropped then.

    Safe to use from any thread. Raises ``ChildFailed`` when the program cannot be started.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        stop_signal: int = signal.SIGTERM,
        grace: float = 5.0,
        hold_stdin: bool = False,
        user: int | None = None,
        group: int | None = None,
    ) -> None:
        self.name = name
        self._env = os.environ if env is None else dict(env)
        self._stop_signal = stop_signal
        self._grace = grace
        self._lock = threading.RLock()
        self._returncode: int | None = None
        self._log: IO[bytes] = open_log(log)
        self._begins = self.written
        """The byte of its log at which its output begins: others may have written to it before."""
        try:
            self._popen = subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.PIPE if hold_stdin else subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._log.close()
            raise ChildFailed(name, f"could not be started ({error})", None, "") from error
        self.pid = self._popen.pid
        try:
            self._exit = ExitWatch(self.pid)
            self._ticket = custody.add_process(self.pid, stop_signal=stop_signal, grace=grace)
        except BaseException:
            os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()
            raise

    def __repr__(self) -> str:
        state = "running" if self.running else f"ended with {self.returncode}"
        return f"<Child {self.name} pid={self.pid} {state}>"

    @property
    def running(self) -> bool:
        """Return whether the child itself (not only some offspring of it) still runs."""
        return self._returncode is None and not self._exit.wait(0)

    @property
    def returncode(self) -> int | None:
        """Its exit code (negative: the signal that killed it), or None while it runs."""
        if self._returncode is not None or not self._exit.wait(0):
            return self._returncode
        if not hasattr(os, "waitid"):  # macOS before Python 3.13: reaping is the only way
            return self._end(None)
        with self._lock:
            # The kernel keeps a zombie's status: read it, but leave the zombie for ``stop``.
            return self._peeked() if self._returncode is None else self._returncode

    @property
    def end(self) -> str:
        """Return how it ended, in words ("killed by SIGKILL"); empty while it runs."""
        return "" if self.running else _describe(self.returncode)

    @property
    def output(self) -> str:
        """All it wrote so far, undecodable bytes replaced."""
        return self._read_log(0).decode(errors="replace")

    def tail(self, lines: int = 12) -> str:
        """The last non-empty lines it wrote, without colours and without secrets it was given."""
        text = _COLOURS.sub("", self._read_log(-lines * 400).decode(errors="replace"))
        last = "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
        return without_secrets_of(self._env, last)

    def wait_for(
        self, what: str | Callable[[], str], probe: Callable[[], T | None], seconds: float
    ) -> T:
        """Call ``probe`` until it answers something other than None, and return that.

        ``what`` completes the sentence "waited 5 s for <name> to ...", or tells in the end what
        does. Raises ``ChildFailed`` as
        soon as the child has ended, and ``DeadlineExceeded`` after ``seconds``.
        """
        began = time.monotonic()
        deadline = began + seconds
        while True:
            ended = not self.running
            answer = probe()
            if answer is not None and not ended:
                return answer
            if ended:
                problem = f"ended ({_describe(self.returncode)}) before it could {_words(what)}"
                raise ChildFailed(self.name, problem, self.returncode, self.tail())
            if time.monotonic() > deadline:
                tail = self.tail()
                said = f" (it said last: {tail})" if tail else ""
                raise DeadlineExceeded(f"{self.name} to {_words(what)}{said}", seconds)
            # Who takes long is asked less often: to be asked costs it time as well.
            waited = time.monotonic() - began
            self._exit.wait(min(LONGEST_PROBE_SECONDS, max(PROBE_SECONDS, waited / 20)))

    @property
    def written(self) -> int:
        """Return how many bytes its log has by now."""
        return os.fstat(self._log.fileno()).st_size

    def tell(self, line: str) -> None:
        """Write a line to its standard input, which is held. Raises ``ChildFailed`` where it has
        ended."""
        assert self._popen.stdin is not None, "its standard input is not held"
        try:
            self._popen.stdin.write(line.encode() + b"\n")
            self._popen.stdin.flush()
        except (OSError, ValueError) as error:  # of a pipe that is broken, or closed by ``stop``
            problem = f"ended ({_describe(self.returncode)})"
            raise ChildFailed(self.name, problem, self.returncode, self.tail()) from error

    def wait_line(
        self, what: str, matches: Callable[[str], T | None], seconds: float, since: int = 0
    ) -> T:
        """Wait until ``matches`` answers not None for a whole line of the child's output.

        Lines are given in order, each once, from the byte ``since`` of its log on. Errors as in
        ``wait_for``.
        """
        position = max(since, self._begins)

        def probe() -> T | None:
            nonlocal position
            *lines, _unfinished = self._read_log(position).split(b"\n")
            for line in lines:
                position += len(line) + 1
                answer = matches(line.decode(errors="replace"))
                if answer is not None:
                    return answer
            return None  # an unfinished line is read again, whole

        return self.wait_for(what, probe, seconds)

    def wait(self, seconds: float, go_on: Callable[[], None] | None = None) -> int:
        """Wait for it to end by itself; returns its exit code.

        ``go_on`` is called now and then meanwhile; what it raises ends the wait. Raises
        ``DeadlineExceeded`` (and leaves it running) when it does not end.
        """
        deadline = time.monotonic() + seconds
        ended = False
        while not ended:
            left = max(0.0, deadline - time.monotonic())
            if go_on is not None:
                go_on()
            ended = self._exit.wait(left if go_on is None else min(left, _LOOK_SECONDS))
            if not ended and left == 0.0:
                raise DeadlineExceeded(f"{self.name} to end", seconds)
        code = self.returncode
        assert code is not None
        return code

    def send(self, number: int) -> None:
        """Send a signal to the child itself; nothing happens if it has ended."""
        with self._lock:
            if self._returncode is None:
                os.kill(self.pid, number)  # at worst a zombie of ours: the pid is still reserved

    def kill(self) -> int:
        """End it and its offspring at once, as a crash would; returns its exit code."""
        return self._end(None)

    def stop(self) -> int:
        """Ask it to end, and after ``grace`` seconds make it and its offspring; returns its code.

        Idempotent; a second caller waits for the first. Nothing of it is left afterwards.
        """
        return self._end(self._stop_signal)

    def _end(self, polite: int | None) -> int:
        with self._lock:
            if self._returncode is not None:
                return self._returncode
            # What leaves the group, as PostgreSQL's backends do, is found by its parentage, which
            # must be looked at while the parent lives.
            offspring = descendants(self.pid)
            if polite is not None:
                deadline = time.monotonic() + self._grace
                self._signal_group(polite)
                self._close_stdin()
                self._exit.wait(self._grace)
                wait_gone(members(offspring, self.pid), deadline - time.monotonic())
            offspring += descendants(self.pid)
            self._signal_group(signal.SIGKILL)
            offspring, guardians = without_guardians(offspring)
            for process in offspring:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if not self._exit.wait(_KILL_SECONDS):
                raise DeadlineExceeded(f"{self.name} (pid {self.pid}) to end", _KILL_SECONDS)
            wait_gone(offspring, _KILL_SECONDS)
            wait_gone(guardians, GUARDIAN_SECONDS)
            custody.forget(self._ticket)
            self._returncode = self._reaped()
            self._close_stdin()
            return self._returncode

    def _peeked(self) -> int | None:
        """Return the exit code of one that has ended, which stays to be reaped."""
        return _peek(self.pid)

    def _reaped(self) -> int:
        """Let go of one that has ended; returns its exit code."""
        return self._popen.wait()

    def _signal_group(self, number: int) -> None:
        # We have not reaped the leader, so the group's number cannot be anybody else's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _close_stdin(self) -> None:
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()

    def _read_log(self, start: int) -> bytes:
        """The log from byte ``start`` on; a negative one counts from its end."""
        descriptor = self._log.fileno()
        size = os.fstat(descriptor).st_size
        start = max(self._begins, size + start if start < 0 else start)
        return os.pread(descriptor, max(0, size - start), start)

    def __del__(self) -> None:
        log = getattr(self, "_log", None)
        if log is not None:
            log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def open_log(path: Path | None) -> IO[bytes]:
    """Open the file that a child's output is appended to; one without a name where none is asked
    for."""
    if path is None:
        return tempfile.TemporaryFile(prefix="paidonce-")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a+b")


def _peek(pid: int) -> int | None:
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _describe(code: int | None) -> str:
    if code is None:
        return "exit code not known"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _words(what: str | Callable[[], str]) -> str:
    return what if isinstance(what, str) else what()
