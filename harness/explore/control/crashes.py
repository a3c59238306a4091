"""Crashes of a service under control: which can happen, and what ends by them.

Of a service of several processes each is killed at its own steps: a connection at a tap tells by
the port it was made from which of them has made it. Between two of its steps nothing tells when it
died; what others do meanwhile has its order with those steps.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import psutil

from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.explore.control.process_activity import ProcessActivity
from paidonce.harness.taps.faults import Crash
from paidonce.harness.taps.gate import Call, Connection
from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.outside import Outside


def crashes_of(bench: Bench) -> tuple[Crash, ...]:
    """The crashes that a search can plan: of each process, where all of them are ours.

    By TLS it is not known which of several has made a connection, since another one is made for it.
    Where attempts run commands, those are processes as well, which nobody starts again.
    """
    if bench.subject.runs_commands:
        return ()
    crashes = Outside(bench).faults
    if len(crashes) > 1 and bench.tls is not None:
        return ()
    return crashes if len(crashes) == len(bench.pids) else ()


async def expect_crashes(benches: Iterable[Bench]) -> None:
    """Have what services are started from after a crash loaded while a search begins, which takes
    as long as to start one."""
    for bench in benches:
        for process in bench.running.processes if crashes_of(bench) else ():
            await asyncio.to_thread(process.expect_crash)


@dataclass
class ServiceCrashes:
    """``Crashes`` (see ``paidonce.harness.explore.control.interfaces``) of the service on
    ``bench``."""

    bench: Bench
    memory: Memory
    activity: ProcessActivity
    _made_by: dict[tuple[str, int], str] = field(default_factory=dict)
    """The process that has made a connection, by tap and number."""

    def sessions(self, crash: Crash) -> Iterator[str]:
        """Return all that are open, where it is the only process: nobody else has any there."""
        for name, tap in self.bench.taps.items():
            if name == StripeTap.name:  # a browser calls Stripe as well, and nothing is open there
                continue
            for session in tap.sessions:
                if self._alone or self._process(name, session.id) == crash.process:
                    yield f"{name} session {session.id}"

    def of(self, call: Call, connection: Connection) -> tuple[Crash, ...]:
        every = crashes_of(self.bench)
        if self._alone:
            return every
        made_by = self._process(call.tap, connection.id)
        return tuple(crash for crash in every if crash.process == made_by)

    async def happen(self, crash: Crash) -> None:
        await Outside(self.bench).happen(crash, self.memory)
        self.activity.begin(self.bench.pids)

    @property
    def _alone(self) -> bool:
        return len(self.bench.running.processes) == 1

    def _process(self, tap: str, session: int) -> str:
        """The name of the process that has made a connection; empty where nobody knows."""
        if (tap, session) not in self._made_by:
            peer = self.bench.taps[tap].peer(session)
            self._made_by[tap, session] = "" if peer is None else self._connected_from(peer)
        return self._made_by[tap, session]

    def _connected_from(self, port: int) -> str:
        for one in self.bench.running.processes:
            with contextlib.suppress(psutil.Error):  # it may be gone by now
                root = psutil.Process(one.child.pid)
                for process in (root, *root.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        found = process.net_connections("tcp")
                        if any(each.laddr and each.laddr.port == port for each in found):
                            return one.name
        return ""
