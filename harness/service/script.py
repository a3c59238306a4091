"""A script, and who plays it: the one place where scenarios and other targets differ.

An exploration (or a burst) knows attempts by name only. A *script* says which there are, *clients*
bring a service to the beginning of a script and play attempts on it, and a *performance* is one
such execution. Everything else, who may move, what is held, what is judged, is the same for all.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

from paidonce.harness.errors import PaidonceError
from paidonce.harness.history import Header, Recorder
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.service.passing import Passing
from paidonce.harness.service.recovery import Recovery, RecoveryBounds


class ClientState(enum.Enum):
    """Where one attempt's client, or the service on its behalf, is."""

    WAITING = "waiting to start"
    RUNNING = "running"
    PARKED = "parked until something changes"
    ABANDONED = "given up by its client, still in the service"
    DONE = "done"


class NotReady(PaidonceError):
    """The beginning of a script could not be brought about: the service did not play along."""


class NotAtRest(PaidonceError):
    """The service was still at work when it was to be looked at."""


class ScriptAttempt(Protocol):
    """One attempt. Attempts with equal ``steps`` do the same."""

    @property
    def name(self) -> str: ...

    @property
    def steps(self) -> Sequence[object]: ...

    @property
    def likeness(self) -> Hashable:
        """Equal for attempts that do the same to the same things, as the same users.

        Exchanging two such changes nothing but their names: a search makes use of that. Attempts
        that were prepared each for itself (with an order of its own, say) are not alike.
        """
        ...

    @property
    def awaits(self) -> str:
        """The type of event that Stripe has to raise before it can begin; empty if none has to be
        raised in any execution."""
        ...

    @property
    def delivers_raised(self) -> bool:
        """Tell whether it delivers events from the moment at which Stripe raises them."""
        ...

    @property
    def passing(self) -> Passing | None:
        """The time that passes, where this is no client but that; such come after all clients."""
        ...

    @property
    def again(self) -> str:
        """The attempt whose client may give up and ask again, where this is that client once more;
        empty for all others."""
        ...


A = TypeVar("A", bound=ScriptAttempt)


def clients_among(attempts: Iterable[A]) -> tuple[A, ...]:
    """Return those of ``attempts`` that are clients', each once, and not time that passes."""
    return tuple(attempt for attempt in attempts if attempt.passing is None and not attempt.again)


class Script(Protocol):
    """A set of attempts to be played. ``settings`` are asked of the service by neutral names."""

    @property
    def name(self) -> str: ...

    @property
    def looked_through(self) -> tuple[str, ...] | None:
        """The queries by which it is looked at the database once all is over; None where the
        service is asked."""
        ...

    @property
    def watched(self) -> Mapping[str, str]:
        """The queries of what must hold at any time, by name: a search looks after each step that
        has published anything they look at."""
        ...

    @property
    def settings(self) -> Mapping[str, str]: ...

    @property
    def attempts(self) -> Sequence[ScriptAttempt]: ...

    @property
    def failures(self) -> tuple[FailureChoice, ...] | None:
        """The failures that may happen in it: none, or where it does not say (None) the usual."""
        ...

    @property
    def recovery(self) -> RecoveryBounds:
        """The bounds of what follows where something went wrong."""
        ...

    @property
    def whole(self) -> Self:
        """The same with all attempts there are: what a service is warmed up with."""
        ...

    def keeping(self, names: Collection[str]) -> Self:
        """The same with just the attempts of these names."""
        ...

    def lapsing(self, lapse: Passing | None) -> Self:
        """The same with one more that is no client: time that passes once, called as ``lapse`` is
        (``lapse_name``); for None without it.

        Raises ``UsageError`` where somebody of the script is called so already.
        """
        ...

    def told_by(self, names: Sequence[str]) -> Self:
        """The same with as many attempts as the names tell of, and just those.

        Raises ``UsageError`` naming an attempt that the script does not have.
        """
        ...


@dataclass(frozen=True)
class LookedUp:
    """A question asked of Stripe, past the tap, to learn what is to be delivered to the service.

    ``path`` is empty where nothing had to be asked. ``told`` is what Stripe says that the question
    touched, where it tells; ``known`` are names for values that come in by the delivery.
    """

    path: str = ""
    told: str | None = None
    known: Mapping[str, str] = field(default_factory=dict)


class Surroundings(Protocol):
    """The interface by which a client tells of itself, and asks, while others are under way."""

    def tell(self, attempt: str, progress: ClientState) -> None:
        """The attempt is now there."""
        ...

    def delivers(self, attempt: str) -> None:
        """A webhook that may be refused is about to be delivered for the first time."""
        ...

    async def park(self, attempt: str, at_most_s: float) -> None:
        """Return when it makes sense to deliver a refused webhook again."""
        ...

    async def not_yet(self, attempt: str, after_s: float) -> bool:
        """Return True when it makes sense that an attempt asks again for what was not there yet:
        in real time after so many seconds. False where nothing can be otherwise any more."""
        ...

    async def until(
        self, attempt: str, ready: Callable[[], Awaitable[bool]], hopeless: Callable[[], bool]
    ) -> bool:
        """Return True once ``ready`` says that what the attempt goes on with is there.

        False if it never will be: everybody else is through, or waits as well (``hopeless``).
        """
        ...

    def looked(self, attempt: str, seen: LookedUp) -> None:
        """Something was looked up at Stripe for the attempt, past all taps, to be delivered."""
        ...


class Performance(Protocol):
    """One execution of a script."""

    @property
    def known(self) -> Mapping[str, str]:
        """Names for the values there are before any attempt starts."""
        ...

    async def let_go(self, attempt: str) -> None:
        """A statement of time that passes is about to begin."""
        ...

    @property
    def stayed(self) -> frozenset[str]:
        """The columns whose times stayed what they were, though time has passed for them."""
        ...

    @property
    def left(self) -> Left | None:
        """Asks whether anything is left to be done; None where an answer says that nothing is."""
        ...

    async def join(self, surroundings: Surroundings) -> None:
        """The attempts' clients are there, each with a connection that has been used.

        Raises ``NoAnswer``.
        """
        ...

    async def may_begin(self, attempt: str) -> bool:
        """Tell whether what the attempt begins with is there: an event, say, that Stripe raised.

        Once it is there it stays.
        """
        ...

    async def play(self, attempt: str, released: Released | None = None) -> None:
        """Play an attempt, step after step, until one does not lead on. Raises ``NoAnswer``.

        With ``released`` all but the last byte of its first request is sent before that is awaited.
        """
        ...

    async def rest(self, over: Over) -> None:
        """Wait until nothing is left to be done. Raises ``NotAtRest``.

        Calls ``over`` when nothing more is to be recorded of the taps.
        """
        ...

    @property
    def recovery(self) -> Recovery:
        """Return what follows, in rounds, where something went wrong."""
        ...

    @property
    def asks_again(self) -> bool:
        """Tell whether the service is to be asked once more when all is at rest."""
        ...

    async def ask_again(self) -> None:
        """Ask it, with nobody else about."""
        ...

    async def look(self) -> None:
        """Record what came of it all."""
        ...

    async def look_between(self, step: int) -> None:
        """Record what is ``watched``, after this step, with everybody at rest."""
        ...


Released = Callable[[], Awaitable[object]]
"""Returns when requests that were made ready may go."""

Left = Callable[[], Awaitable[bool]]
"""Tells whether the service has yet to do what it was told: work left to a worker, say."""


class Over(Protocol):
    """Ends the recording of what crosses the taps."""

    def __call__(self, *, stripe: bool = False, asked: bool = False) -> None:
        """With ``stripe``: nothing is left to be done at Stripe either. With ``asked``: what the
        service does from here on, it was asked for once more."""
        ...


class Clients(Protocol):
    """The clients of one bench; what they have (connections, logins) is kept between executions.

    ``on_prepare`` is called in ``begin`` when everything is back at the beginning, before anything
    is prepared for this execution alone. With ``put_back`` the next beginning takes the database
    back to where it was marked.
    """

    on_prepare: Callable[[], None] | None
    put_back: bool

    def header(self, script: Script, run: str, seed: int = 0) -> Header:
        """The header of a history of ``script``."""
        ...

    async def begin(self, script: Script, journal: Recorder) -> Performance:
        """Take everything back to the beginning, and prepare.

        Raises ``NotReady``, ``UnexpectedAnswer`` and ``UsageError``.
        """
        ...

    async def settle(self) -> None:
        """Wait until nothing is left to be done of the last execution, however it ended.

        Raises ``NotReady``.
        """
        ...

    async def mark(self) -> None:
        """Remember what is in the database, as far as ``begin`` does not take care of it anyway."""
        ...

    async def close(self) -> None:
        """Close their connections."""
        ...


async def asked_until(
    ready: Callable[[], Awaitable[bool]], hopeless: Callable[[], bool], pause_s: float
) -> bool:
    """Tell whether something is ``ready``: ask every ``pause_s`` seconds until it is, and for the
    last time once it was ``hopeless`` to wait any longer."""
    while True:
        last = hopeless()
        if await ready():
            return True
        if last:
            return False
        await asyncio.sleep(pause_s)
