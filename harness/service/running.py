"""A service as it runs: processes of ours, each of which can be killed and started again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from paidonce.harness.errors import UsageError
from paidonce.harness.process.child import Child
from paidonce.harness.process.listening import start_listening
from paidonce.harness.process.threads import CalledOff
from paidonce.harness.process.zygote import Zygote

_TOLD_LINES = 8

Ready = Callable[[Child, int, threading.Event | None], object]
"""Waits until a child on a port is ready; an event that is set calls it off."""


@dataclass
class LoadedService:
    """The zygote of a service, once there is one: any variant can be forked from it, since what
    tells variants apart is in their environment. Safe to use from any thread."""

    zygote: Zygote | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def there(self) -> bool:
        """Return whether there is one that runs."""
        zygote = self.zygote
        return zygote is not None and zygote.running

    def have(self, load: Callable[[], Zygote]) -> Zygote:
        """Return the zygote that runs, ``load``ed where there is none."""
        with self._lock:
            if self.zygote is None or not self.zygote.running:
                self._end()
                self.zygote = load()
            return self.zygote

    def stop(self) -> None:
        """End the zygote, if there is one."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self.zygote is not None:
            self.zygote.stop()
            self.zygote = None


@dataclass
class Ahead:
    """A way to have a process start sooner: from a zygote, which is ``load``ed where there is none
    in ``loaded``. That ends with the service only if it is the service's own."""

    load: Callable[[int], Zygote]
    fork: Callable[[Zygote, int], Child]
    loaded: LoadedService = field(default_factory=LoadedService)
    owned: bool = True

    def begin(self, port: int) -> Child:
        """Fork the process, to listen on ``port``. Raises what ``Zygote`` does."""
        return self.fork(self.loaded.have(lambda: self.load(port)), port)

    def prepare(self, port: int) -> None:
        """Have the zygote begin to load, if there is none; returns while it does."""
        self.loaded.have(lambda: self.load(port))

    def stop(self) -> None:
        """End the zygote, if there is one of the service's own."""
        if self.owned:
            self.loaded.stop()


@dataclass
class Process:
    """One process of a service. ``elsewhere`` are pids that do its work and are nobody's of ours,
    since another program started them: a container's, whose engine was asked for it.
    """

    name: str
    child: Child
    port: int
    begin: Callable[[int], Child]
    ready: Ready
    elsewhere: tuple[int, ...] = ()
    ahead: Ahead | None = None
    """How it is started when it is not the first time, where that is sooner."""
    up: bool = True
    """False from when it was killed until it was seen to be ready again."""

    def expect_crash(self) -> None:
        """Have loaded what it is started from after a crash, where there is such a thing."""
        if self.ahead is not None:
            self.ahead.prepare(self.port)

    def crash(self, called_off: threading.Event | None = None) -> None:
        """Kill it and all that it started (SIGKILL), and start it again as it was, on its port.

        Returns once it is ready. Raises ``UsageError`` where it is not ours to kill, and what
        ``come_back`` does.
        """
        if self.elsewhere:
            raise UsageError(
                f"{self.child.name} cannot be killed: another program runs it for us "
                f"(pid {', '.join(map(str, self.elsewhere))})"
            )
        self.up = False
        self.child.kill()
        self.come_back(called_off)

    def come_back(self, called_off: threading.Event | None = None) -> None:
        """Have it running and ready after it was killed; at once where it is.

        Raises ``ChildFailed`` and ``DeadlineExceeded`` where it does not come back: then it is not
        left running either. Raises ``CalledOff`` soon after another thread has set ``called_off``;
        it goes on starting then, and whoever needs it calls this again.
        """
        if self.up:
            return
        if not self.child.running:
            self.child.kill()
            again = self.begin if self.ahead is None else self.ahead.begin
            self.child = again(self.port)
        try:
            self.ready(self.child, self.port, called_off)
        except CalledOff:
            raise
        except BaseException:
            self.child.stop()
            raise
        self.up = True


def start_process(
    name: str,
    begin: Callable[[int], Child],
    ready: Ready,
    port_taken: Callable[[str], bool],
    called_off: threading.Event | None = None,
    wanted: int | None = None,
) -> Process:
    """Start a process on ``wanted``, or on a port that is free.

    Raises what ``start_listening`` does, and ``CalledOff`` soon after another thread has set
    ``called_off``.
    """
    child, port = start_listening(
        begin,
        lambda child, port: ready(child, port, called_off),
        port_taken,
        wanted=wanted,
        shares=False,
    )
    return Process(name, child, port, begin, ready)


@dataclass
class Service:
    """A running service under test; ``stop`` ends it.

    ``found`` are the pids of one that ran already, which has no processes of ours.
    """

    url: str
    processes: tuple[Process, ...] = ()
    found: tuple[int, ...] = ()

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes right now: their children do its work."""
        ours = (
            pid for process in self.processes for pid in (process.child.pid, *process.elsewhere)
        )
        return (*ours, *self.found)

    def process(self, name: str) -> Process:
        """The process of that name, "" for the first. Raises ``UsageError`` listing the choices."""
        for one in self.processes:
            if name in ("", one.name):
                return one
        there = (
            ", ".join(process.name for process in self.processes) or "none that paidonce started"
        )
        raise UsageError(f"the service has no process {name!r}; there are: {there}")

    @property
    def up(self) -> bool:
        """Return whether all its processes are there: none was killed and has yet to come back."""
        return all(process.up for process in self.processes)

    def come_back(self, called_off: threading.Event | None = None) -> None:
        """Have all its processes running and ready; raises what ``Process.come_back`` does."""
        for process in self.processes:
            process.come_back(called_off)

    def ended(self) -> str:
        """Return which of its processes runs no more, and how it ended, in words; empty if all
        run."""
        for process in self.processes:
            if end := process.child.end:
                return f"{process.child.name} ended ({end})"
        return ""

    def wrote(self) -> str:
        """The last lines its processes wrote, each under its name where there are several."""
        tails = [
            (process.child.name, process.child.tail(_TOLD_LINES)) for process in self.processes
        ]
        there = [(name, lines) for name, lines in tails if lines]
        if len(self.processes) == 1:
            return "".join(lines for _, lines in there)
        return "\n".join(f"{name}:\n{lines}" for name, lines in there)

    def stop(self) -> None:
        """End what was started of the service, the last first, and everything that started."""
        for process in reversed(self.processes):
            process.child.stop()
            if process.ahead is not None:
                process.ahead.stop()
