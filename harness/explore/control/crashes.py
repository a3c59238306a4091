"""Crashes of a service under control: which can happen, and what ends by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.explore.control.process_activity import ProcessActivity
from paidonce.harness.taps.faults import Crash
from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.outside import Outside


def crashes_of(bench: Bench) -> tuple[Crash, ...]:
    """The crashes that a search can plan: of the one process that a service is.

    Of several it is not known in which of them an attempt is.
    """
    found = Outside(bench).faults
    return found if len(found) == len(bench.pids) == 1 else ()


@dataclass
class ServiceCrashes:
    """``Crashes`` (see ``paidonce.harness.explore.control.interfaces``) of the service on
    ``bench``."""

    bench: Bench
    memory: Memory
    activity: ProcessActivity

    def sessions(self) -> Iterator[str]:
        """All that are open: nobody but the service has any there."""
        for name, tap in self.bench.taps.items():
            if name != StripeTap.name:  # a browser calls Stripe as well, and nothing is open there
                yield from (f"{name} session {session.id}" for session in tap.sessions)

    async def happen(self, crash: Crash) -> None:
        await Outside(self.bench).happen(crash, self.memory)
        self.activity.begin(self.bench.pids)
