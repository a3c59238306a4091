"""Commands that run beside a service, to their end: what it does is theirs as well, meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class OneOffs:
    """The commands that are under way.

    Told from other threads: a number and a set of numbers, each of which is changed at once.
    """

    starting: int = 0
    """How many are about to be started: their processes are not there yet."""
    pids: set[int] = field(default_factory=set)
    """The processes of those that are."""
