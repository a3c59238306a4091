"""Where each attempt is while an execution is under control."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from paidonce.harness.explore.control.failures import Possible
from paidonce.harness.explore.footprint.model import LOCAL, LOOKED_AT, Footprint
from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest, heard_of
from paidonce.harness.explore.search.world import LOST, REDELIVERY
from paidonce.harness.process.latch import Latch
from paidonce.harness.taps.faults import Crash
from paidonce.harness.taps.gate import Call


class At(enum.Enum):
    """Where an attempt is."""

    START = "not started"
    MOVING = "moving"
    TAP = "held at a tap"
    LOCK = "waiting for a lock in Postgres"
    ANSWER = "its answer held at a tap"
    INSIDE = "waiting inside the service"
    AGAIN = REDELIVERY
    EVENT = "about to deliver an event"
    LOST = LOST
    DONE = "done"


_ABLE = (At.START, At.TAP, At.ANSWER, At.AGAIN, At.EVENT, At.LOST)
"""Where an attempt waits to be let go."""


@dataclass(eq=False)
class Arrival:
    """A unit that came to a tap, and the two questions its gate is asked about it.

    ``go`` is set when the unit may go on to the dependency, ``back`` when its answer may go to the
    service. ``answered`` tells that the dependency has answered. ``session`` names the connection
    it came on; ``pid`` is that of the Postgres backend behind it, where there is one.
    """

    call: Call
    session: str
    pid: int | None = None
    owner: Player | None = None
    label: str = ""
    footprint: Footprint = LOCAL
    touches: Footprint | None = None
    """The footprint it has whoever sends it, once that was read."""
    moment: bool = False
    """True if it is a statement that commits by itself, in this very step."""
    go: Latch = field(default_factory=Latch)
    back: Latch = field(default_factory=Latch)
    answered: bool = False
    withheld: bool = False
    """True if its answer is held, since an event that it raised may be delivered before it."""
    itself: bool = False
    """True if it is the service's own business."""
    goes_on: bool = False
    """True if it runs what its owner's last unit parsed for it: both are one step."""
    unasked: bool = False
    """True if it came while nobody was moving."""
    hung_up: Callable[[], bool] = lambda: False
    """Asks whether the service has closed the connection it came on."""
    crashes: Callable[[], tuple[Crash, ...]] = lambda: ()
    """Tells of which process that can be killed it is."""
    failing: Possible | None = None
    """The fault that happens to it, once it is let go."""

    passed: tuple[Footprint, Footprint] | None = None
    """The footprint of its owner's step until it was let go, and what it added to that then."""

    def told(self, step: Footprint, touched: Footprint) -> Footprint:
        """Return the footprint of its owner's step now that it is known what it touched.

        What it has to do with other serializable transactions is told by its answer alone.
        """
        if self.passed is not None:
            before, passing = self.passed
            if step == before.union(passing):
                step = before.union(passing.without(LOOKED_AT))
        return step.union(touched)

    @property
    def undone(self) -> bool:
        """Return whether it is not carried out: something else happens in its place."""
        return self.failing is not None and self.failing.undone

    @property
    def in_flight(self) -> bool:
        """At the dependency: let go, and not yet answered."""
        return self.go.is_set() and not self.answered


@dataclass(eq=False)
class Player:
    """One attempt under control."""

    name: str
    at: At = At.START
    delivers_raised: bool = False
    """True if it delivers events that Stripe raises, also before the answer of who had it do so."""
    begins: str = "start"
    """The label of its first step."""
    ours: Footprint | None = None
    """For one that is no client and has nothing to do with the service's memory (time that passes):
    what its first step touches. None for all others."""
    held: list[Arrival] = field(default_factory=list)
    """Units waiting to be let go, in the order of their arrival."""
    flying: list[Arrival] = field(default_factory=list)
    """Units at their dependency, or answered with the answer held."""
    told: bool = False
    """True if its client has all its answers."""
    calls: int = 0
    """How many calls to Stripe it has made: names what it creates."""
    touched: Footprint = LOCAL
    """The footprint of all it did since its last step began."""
    heard: list[AnswerDigest] = field(default_factory=list)
    """The answers it got at the taps that are not part of a step yet."""
    again: Latch = field(default_factory=Latch)
    """Set when its webhook is to be delivered: an event, or once more after it was refused."""
    again_label: str = REDELIVERY
    """The label of the step in which it delivers, or asks, again."""
    asked_last: bool = False
    """True if it has asked again with everybody else through."""
    absent: bool = False
    """True if what it goes on with is not there yet, an event that Stripe has not raised, say."""
    left_behind: bool = False
    """True if its delivery has done anything so far that others can see."""
    delivers: bool = False
    """True if it has begun to deliver a webhook in the step that it is at."""
    deliveries: int = 0
    """How often it has delivered a refused webhook again although others could still move."""
    idle: bool = False
    """True if nothing that it was answered in its last step has changed anything."""
    refused: bool = False
    """True if it was refused what it asked for last: it may pause before it tries again."""
    dirty: set[str] = field(default_factory=set)
    """The sessions on which it has locked or changed anything in a transaction that is open."""
    moves: int = 0
    """How many steps it was let make; the first is its beginning."""
    backs_off: bool = False
    """True if it was refused because another's call is under way: it may wait, and try again."""
    queued: set[tuple[str, int]] = field(default_factory=set)
    """The calls it has sent, by tap and number; also those behind another on their connection."""
    at_taps: int = 0
    """How many steps it has made at taps; what a statement commits by itself is part of it."""
    failing: Possible | None = None
    """The fault of the step that it is making."""
    orphaned: bool = False
    """True if something of its was under way when its process was killed, and was carried out."""
    past: tuple[str, ...] = ()
    """The labels of the units that it was seen to send."""

    def listened(self) -> AnswerDigest:
        """Return what it was answered since this was asked last; nothing where it does not go by
        its answers (how many rows of earlier executions a statement of time that passes met)."""
        answer_digests, self.heard = self.heard, []
        return heard_of(answer_digests) if answer_digests and self.ours is None else NOTHING

    @property
    def able(self) -> bool:
        """Return whether it can be let go."""
        return self.at in _ABLE and not self.absent

    @property
    def pids(self) -> set[int]:
        """The Postgres backends that work for it right now."""
        return {arrival.pid for arrival in self.flying if arrival.in_flight and arrival.pid}
