"""Where each attempt is while an execution is under control."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, field
from typing import Any

from harness.explore.footprint import LOCAL, Footprint


class At(enum.Enum):
    """Where an attempt is."""

    START = "not started"
    MOVING = "moving"
    TAP = "held at a tap"
    LOCK = "waiting for a lock in Postgres"
    ANSWER = "its answer held at a tap"
    INSIDE = "waiting inside the service"
    AGAIN = "about to deliver its webhook again"
    DONE = "done"


@dataclass(eq=False)
class Arrival:
    """A unit that came to a tap, and the two questions its gate is asked about it.

    ``go`` is set when the unit may go on to the dependency, ``back`` when its answer may go to the
    service. ``answered`` tells that the dependency has answered.
    """

    call: Any
    session: str
    label: str
    footprint: Footprint
    owner: Player | None = None
    go: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)
    answered: bool = False
    blocked_on: tuple[int, ...] = ()

    @property
    def in_flight(self) -> bool:
        """At the dependency: let go, and not yet answered."""
        return self.go.is_set() and not self.answered


@dataclass(eq=False)
class Player:
    """One attempt under control."""

    name: str
    at: At = At.START
    held: list[Arrival] = field(default_factory=list)
    """Units waiting to be let go, in the order of their arrival."""
    flying: list[Arrival] = field(default_factory=list)
    """Units at their dependency, or answered with the answer held."""
    sessions: set[str] = field(default_factory=set)
    """Sessions on which a transaction of this attempt is open."""
    calls: int = 0
    """How many calls to Stripe it has made: names what it creates."""
    touched: Footprint = LOCAL
    """What it touched since its last step began."""
    redelivery: asyncio.Event = field(default_factory=asyncio.Event)
    moved_since: bool = False
    """Whether anybody else has moved since its webhook was refused."""

    @property
    def over(self) -> bool:
        return self.at is At.DONE
