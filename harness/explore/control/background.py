"""The background of a service: a timer's statements, a pool's checks, a queue that is polled.

Nobody's attempt sends them, so they are no steps: they pass when they come. Which they are is
learnt by watching the service before anybody moves: what arrives then is its own. A statement an
attempt sends may look the same, and nothing tells the two apart. So the rule by which an
exploration may still be complete is this: it does not matter whose a unit was as long as it
commutes with all that the attempts do. Nor does it matter when a unit that only looks came on a
connection that no attempt ever used. Anything else is *disturbing*, and is named.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field

from paidonce.harness.explore.control.side_by_side import AtOnce
from paidonce.harness.explore.footprint.model import LOCAL, Footprint
from paidonce.harness.results.words import quoted
from paidonce.harness.taps.gate import Call

_AT_ONCE = "at once "


@dataclass
class Background:
    """The units of a service's own business, as far as they are known on one bench.

    ``patterns`` are shell-style, over labels, and given by a person; ``learnt`` are labels.
    """

    patterns: tuple[str, ...] = ()
    learnt: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    """How often which of them passed while an execution went on."""
    disturbing: dict[str, str] = field(default_factory=dict)
    """Why the executions were not under control, by label."""
    fine: set[str] = field(default_factory=set)
    """Columns with times in them finer than a second; see
    ``paidonce.harness.explore.control.clock_values``.
    """
    at_once: AtOnce = field(default_factory=AtOnce)
    """The units that attempts were seen to send at once."""
    _used: set[str] = field(default_factory=set)
    _own: list[tuple[str, str, Footprint]] = field(default_factory=list)
    _attempts: Footprint = LOCAL

    def one_order(self, actor: str, one: str, other: str) -> None:
        """``actor`` has sent two units at once, and only in this order they were carried out."""
        self.disturbing[f"{_AT_ONCE}{one} {other}"] = (
            f"{actor} sends {quoted(one)} and {quoted(other)} at once, and only in this order "
            "they were tried"
        )

    def nothing_at_once(self) -> None:
        """Forget what was sent at once: some of it may have been the service's own."""
        self.at_once.found = False
        self.at_once.minded.clear()
        for key in [key for key in self.disturbing if key.startswith(_AT_ONCE)]:
            del self.disturbing[key]

    @property
    def expected(self) -> bool:
        """Return whether there is anything to look out for."""
        return bool(self.patterns or self.learnt)

    def knows(self, call: Call) -> bool:
        """Return whether the service sends units like this one by itself."""
        return f"{call.tap} {call.label}" in self.learnt or any(
            fnmatch.fnmatchcase(call.label, pattern) for pattern in self.patterns
        )

    def passed(self, call: Call, session: str, footprint: Footprint) -> None:
        """A unit of the service's own went by."""
        label = f"{call.tap} {call.label}"
        self.seen[label] = self.seen.get(label, 0) + 1
        self._own.append((label, session, footprint))

    def after_the_end(self, call: Call, *, works: bool) -> None:
        """A unit came when every attempt was through, on a session that no attempt's is.

        ``works``: it may change something.
        """
        if works and not self.knows(call):
            label = f"{call.tap} {call.label}"
            self.disturbing[label] = (
                f"the service goes on by itself when all attempts are through ({quoted(label)}): "
                "what "
                "it does then is not under control"
            )

    def attempted(self, session: str, footprint: Footprint) -> None:
        """An attempt's unit touched this."""
        if self.expected:
            self._used.add(session)
            self._attempts = self._attempts.union(footprint)

    def settle(self) -> None:
        """An execution is over: see whether what passed was out of its way."""
        for label, session, footprint in self._own:
            if session not in self._used:
                footprint = Footprint(locks=footprint.locks, publishes=footprint.publishes)
            if footprint.conflicts(self._attempts):
                self.disturbing[label] = (
                    f"the service sends {quoted(label)} by itself, which touches what the "
                    "attempts do"
                )
        self._own.clear()
        self._attempts = LOCAL
