"""A scenario: a frozen description of who does what, what is held, and what must hold after.

A scenario says nothing of how a service is built; it speaks in actions (pay, cancel, refund …)
that a target translates into requests. Its *choreography* (starts and holds) arranges the one
ordering the story is about, by events and never by the clock, so that a service with the bug
shows it every time and a service without it has nothing to fear.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from paidonce.harness.capability import Capability
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Action
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.service.passing import LAPSES, Passing
from paidonce.harness.service.recovery import RecoveryBounds
from paidonce.harness.service.script import clients_among

GOOD_CARD = "pm_card_visa"
DECLINED_CARD = "pm_card_chargeDeclined"


@dataclass(frozen=True)
class Step:
    """One request of an attempt.

    ``key``: the client's idempotency key; ``"{fresh}"`` stands for a new one per run and
    attempt, any other text for one shared by all steps of the run that say the same text.
    ``timeout_s``: the client gives up after that many seconds (None: the runner's default).
    ``redelivered``: sent again after a 409 until accepted, as Stripe does with webhooks.
    ``raised``: the event is Stripe's own, as it was raised, and can be delivered from that moment
    on: also before the call that raised it is answered.
    """

    action: Action
    args: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    timeout_s: float | None = None
    redelivered: bool = False
    raised: bool = False


class StartWhen(enum.Enum):
    """The kinds of moments at which an attempt may start."""

    TOGETHER = "together"
    AFTER = "after"
    HELD = "held"
    LEASES_OVER = "leases over"
    HUNG_UP = "hung up"


@dataclass(frozen=True)
class Start:
    """When an attempt starts.

    ``TOGETHER``: in the burst, at once with all others that say so. ``AFTER``: when the client
    of attempt ``attempt`` has its answer or has given up. ``HELD``: when ``count`` calls are
    held. ``LEASES_OVER``: when a call is held and no Redis key with an expiry is left.
    ``HUNG_UP``: when the service has given up on a held call.
    """

    when: StartWhen = StartWhen.TOGETHER
    attempt: str | None = None
    count: int = 1


TOGETHER = Start()


def after(attempt: str) -> Start:
    """Start when the client of that attempt has its answer or has given up."""
    return Start(StartWhen.AFTER, attempt=attempt)


def when_held(count: int = 1) -> Start:
    """Start once ``count`` calls to Stripe are held at the tap."""
    return Start(StartWhen.HELD, count=count)


LEASES_OVER = Start(StartWhen.LEASES_OVER)
HUNG_UP = Start(StartWhen.HUNG_UP)


@dataclass(frozen=True)
class Attempt:
    """One client and what it does, step by step; a step that is not ok ends it."""

    name: str
    steps: tuple[Step, ...]
    start: Start = TOGETHER
    order: int = 0
    passing: Passing | None = None
    """The time that passes, where this is no client but that: it has no steps then."""

    @property
    def awaits(self) -> str:
        """Return the type of event that it begins with, where Stripe has to raise that first."""
        first = self.steps[0] if self.steps else None
        return str(first.args["event"]) if first is not None and first.raised else ""

    @property
    def delivers_raised(self) -> bool:
        """Return whether it delivers what others have made Stripe raise."""
        return any(step.raised for step in self.steps)

    @property
    def again(self) -> str:
        """Return nothing: who asks again in a scenario is an attempt of its own."""
        return ""

    @property
    def likeness(self) -> str:
        """Equal for attempts that differ in nothing but their names."""
        return repr(replace(self, name=""))


class Side(enum.StrEnum):
    """Where a call is held: before Stripe sees it, or after, with its effect done."""

    REQUEST = "request"
    ANSWER = "answer"


class Until(enum.StrEnum):
    """The event that releases held calls.

    ``QUIET``: every attempt has started, and each one is answered, held, parked (waiting to
    redeliver) or waiting for a lock inside Postgres: nothing more can happen until something is
    released. ``HUNG_UP``: the service closed the connection on which it waited.
    """

    QUIET = "quiet"
    HUNG_UP = "hung up"


@dataclass(frozen=True)
class Hold:
    """Calls to Stripe that the tap holds.

    ``calls`` is a shell-style pattern over labels ("payment_intent.*"). At most ``count`` calls
    are held (None: all). After ``limit_s`` seconds a call is let go all the same, and the
    history says so, so that a service that waits in a way nobody can see still comes to an end.
    """

    calls: str
    at: Side = Side.REQUEST
    until: Until = Until.QUIET
    count: int | None = None
    limit_s: float = 20.0


@dataclass(frozen=True)
class Scenario:
    """One story. See the fields' types; ``story`` is prose for people.

    ``prepare`` runs alone on every order before the attempts, ``afterwards`` alone on every
    order once all has come to rest; both must leave no doubt of their own, so their answers are
    part of the history as well. ``needs`` are the capabilities without which the story cannot
    be told (it is then skipped). ``settings`` are asked of the target by neutral names.
    ``breaks`` names the variants of the reference service that this scenario must catch.
    ``failures`` are those that may happen (None: the usual), ``recovery`` bounds what follows, and
    ``sweeps`` names those of the target's that are made then (None: all).
    """

    name: str
    title: str
    story: str
    attempts: tuple[Attempt, ...]
    checkers: tuple[str, ...]
    orders: int = 1
    amount: int = 4990
    currency: str = "usd"
    prepare: tuple[Step, ...] = ()
    afterwards: tuple[Step, ...] = ()
    holds: tuple[Hold, ...] = ()
    needs: frozenset[Capability] = frozenset()
    settings: Mapping[str, str] = field(default_factory=dict)
    breaks: frozenset[str] = frozenset()
    rounds: int = 3
    time: tuple[Attempt, ...] = ()
    """The time that passes in a search of the story: it is played in real time without."""
    narrowed: int | None = None
    """How many of its clients, and of its orders, a search is made of; None for all. It is played
    with all of them."""
    faults: int = 0
    """How many of its ``failures`` a proof's search makes in an execution at most."""
    failures: tuple[FailureChoice, ...] | None = None
    recovery: RecoveryBounds = field(default_factory=RecoveryBounds)
    sweeps: frozenset[str] | None = None
    certain: bool = True
    """True if what it breaks breaks each time it is played, since its holds see to that; False if
    only a search makes the orders in which it does."""
    part_of: Scenario | None = field(default=None, compare=False, repr=False)
    """The story of which this is a part, some of its attempts left out."""

    @property
    def looked_through(self) -> None:
        """Return None: the service is asked what came of it."""

    @property
    def watched(self) -> dict[str, str]:
        """None: what must hold of a story's orders its checkers see at rest."""
        return {}

    @property
    def whole(self) -> Scenario:
        """The story with all its attempts."""
        return self.part_of or self

    @property
    def in_search(self) -> Scenario:
        """The story as a search tells it: who starts when, and when time passes, is its choice, no
        client is impatient, and of a crowd there are as many as it is ``narrowed`` to."""
        clients = tuple(
            replace(
                attempt,
                start=TOGETHER,
                steps=tuple(replace(step, timeout_s=None) for step in attempt.steps),
            )
            for attempt in self.attempts[: self.narrowed]
        )
        if clients == self.attempts and not self.time:
            return self
        orders = self.orders if self.narrowed is None else min(self.orders, self.narrowed)
        return replace(
            self,
            attempts=(*clients, *self.time),
            orders=orders,
            holds=(),
            time=(),
            narrowed=None,
        )

    def with_attempts(self, count: int) -> Scenario:
        """The same story with ``count`` clients, where all of them do the same.

        Raises ``UsageError`` when the attempts differ, or the number makes no race.
        """
        first, *others = clients_among(self.attempts)
        if any(replace(attempt, name=first.name) != first for attempt in others):
            raise UsageError(
                f"--attempts: scenario {self.name} tells of different attempts "
                f"({', '.join(attempt.name for attempt in self.attempts)}); their number is fixed"
            )
        if not 2 <= count <= 200:
            raise UsageError(f"--attempts: expected a number from 2 to 200, got {count}")
        stem = first.name.rstrip("0123456789 ") or first.name
        attempts = tuple(replace(first, name=f"{stem} {n}") for n in range(1, count + 1))
        time = tuple(attempt for attempt in self.attempts if attempt.passing is not None)
        return replace(self, attempts=(*attempts, *time))

    def keeping(self, names: Collection[str]) -> Scenario:
        """The same story with just the attempts of these names, in the story's order."""
        kept = tuple(attempt for attempt in self.attempts if attempt.name in names)
        if kept == self.attempts:
            return self
        return replace(self, attempts=kept, part_of=self.whole)

    def lapsing(self, lapse: Passing | None) -> Scenario:
        """See ``Script.lapsing``."""
        own = tuple(attempt for attempt in self.attempts if attempt.name not in LAPSES)
        if lapse:
            own = (*own, Attempt(lapse.lapse_name, (), passing=lapse))
        return self if own == self.attempts else replace(self, attempts=own, part_of=None)

    def told_by(self, names: Sequence[str]) -> Scenario:
        """The story as a search told it, with just the attempts of these names.

        Raises ``UsageError`` naming an attempt that the story does not have.
        """
        story = self.in_search
        if not set(names) <= {attempt.name for attempt in story.attempts}:
            numbers = [int(word) for name in names if (word := name.split()[-1]).isdigit()]
            story = story.with_attempts(max([2, *numbers]))
        unknown = sorted(set(names) - {attempt.name for attempt in story.attempts})
        if unknown:
            raise UsageError(f"scenario {self.name} has no attempt {unknown[0]!r}")
        return story.keeping(names)
