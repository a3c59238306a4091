"""Time-outs that a service has set for Postgres, where somebody waits for a lock.

In a search time stands still, so nobody is ever told that a lock was waited for too long, and no
session is ended because it holds one for too long. What a service does then (it may go on without
the lock) is not tried, and a search in which that could happen is not complete; unless the
service's description says that time-outs hold.

What lasts for longer than ``LONGEST_S`` is taken to have been put out of the way for the search.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from paidonce.harness.explore.footprint.sql.timeouts import HOLDING, WAITING, Settings, seconds
from paidonce.harness.results.words import quoted

LONGEST_S = 60.0
"""Seconds: clients and proxies give up sooner (nginx's ``proxy_read_timeout`` is a minute)."""


@dataclass
class Timeouts:
    """Those that could have run out in the executions so far, in words."""

    found: set[str] = field(default_factory=set)

    def waits(self, label: str, settings: Settings, holding: Iterable[Settings]) -> None:
        """A statement called ``label`` waits for a lock, on a session with ``settings``;
        ``holding`` are those of the sessions with transactions of other attempts."""
        for name, value in _given(settings, WAITING):
            self.found.add(f"{quoted(label)} waits for a lock, and {name} is {value}")
        for each in holding:
            for name, value in _given(each, HOLDING):
                self.found.add(
                    f"{quoted(label)} waits for a lock that another transaction holds, whose "
                    f"{name} is "
                    f"{value}"
                )


def _given(settings: Settings, names: Iterable[str]) -> list[tuple[str, str]]:
    """Those of ``names`` that may run out, each with its value."""
    found = ((name, settings.get(name, "0")) for name in names)
    return [(name, _words(value)) for name, value in found if _may_run_out(value)]


def _may_run_out(value: str) -> bool:
    lasts = seconds(value)
    return lasts is None or 0 < lasts <= LONGEST_S


def _words(value: str) -> str:
    lasts = seconds(value)
    return value if lasts is None else f"{lasts:g} s"
