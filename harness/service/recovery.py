"""Recovery: asked of a service once nothing goes wrong any more, and when that is over.

Clients whose request has no answer ask again, events that were not accepted are delivered again,
time passes, and what the service's description tells to be done (a sweep, a reconciliation) is
done: in rounds, until one of them changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from paidonce.harness.history import Completed, Outcome

ASK_AGAIN = frozenset({409, 425, 429})
"""Who asks again and is answered so may ask once more: 409 while the first is still served (the
IETF's draft "The Idempotency-Key HTTP Header Field", 2.7), 425 (RFC 8470, 5.2), 429 (RFC 6585, 4).
"""
COME_LATER = frozenset({425, 429})
"""Of those, what says so whatever the service; a 409 may be a refusal on the merits as well."""


@dataclass(frozen=True)
class RecoveryBounds:
    """Bounds of recovery: at most ``rounds`` that change something.

    In each of them ``passes_s`` seconds pass for what expires in Redis and at Stripe, and the
    service has ``within_s`` to come to rest. ``always``: it follows although nothing went wrong.
    Without ``asks`` no client comes back: what was begun is left to the service, and to Stripe.
    """

    rounds: int = 3
    passes_s: float = 900.0
    within_s: float = 2.0
    always: bool = False
    asks: bool = True


class Recovery(Protocol):
    """The parts of recovery, in one execution."""

    @property
    def bounds(self) -> RecoveryBounds: ...

    async def ask_again(self) -> None:
        """Have clients without an answer ask again, and events delivered that are not accepted.

        Each of them once, and on where the answer lets it.
        """
        ...

    async def sweep(self) -> None:
        """Let time pass, and do what the service's description says is done by itself.

        Raises ``NotReady`` where that cannot be done as it is described.
        """
        ...

    async def settle(self) -> None:
        """Wait until nothing is left to be done, or until it is no use waiting any longer."""
        ...

    async def state(self) -> Mapping[str, object]:
        """Return what clients and the ledger can see, and what was answered last: by name."""
        ...

    @property
    def owed(self) -> Collection[str]:
        """Attempts that ask again and have no answer to go by."""
        ...

    @property
    def undelivered(self) -> Collection[str]:
        """Attempts that deliver an event which was not accepted."""
        ...


@dataclass
class Progression:
    """The point to which an attempt has come: the number of its step, from 1, and its last answer.

    ``completed`` is None as long as the step could not be made. ``through`` tells that it has
    nothing more to do, ``delivers`` that its step delivers an event.
    """

    step: int = 1
    completed: Completed | None = None
    through: bool = False
    delivers: bool = False
    later: bool = False
    """True if its last answer says to come again later."""
    asked: bool = False
    """True once it has asked again."""

    def at(self, step: int, *, delivers: bool) -> None:
        """It goes on to that step."""
        self.step, self.delivers, self.completed, self.later = step, delivers, None, False

    def told(self, completed: Completed, *, later: bool = False) -> None:
        """It was answered; ``later`` as its description reads the answer."""
        self.completed = completed
        self.later = later or completed.status in COME_LATER

    @property
    def undelivered(self) -> bool:
        """Return whether it has an event that was not accepted.

        Whatever came instead of a 2xx, Stripe delivers again
        (https://docs.stripe.com/webhooks#automatic-retries).
        """
        if self.through or not self.delivers or self.completed is None:
            return False
        return self.completed.outcome is not Outcome.OK

    @property
    def owed(self) -> bool:
        """Return whether its client has no answer to go by: none, a 5xx, or, when it had asked
        again, that it is to come later still."""
        if self.through or self.delivers or self.completed is None:
            return False
        status = self.completed.status
        return status is None or status >= 500 or (self.asked and self.later)

    @property
    def asks(self) -> bool:
        """Return whether its client asks again: it is owed an answer, or was told, when it had
        asked again, what may be otherwise by now."""
        if self.through or self.delivers or self.completed is None:
            return False
        return self.owed or (self.asked and self.completed.status in ASK_AGAIN)

    @property
    def seen(self) -> tuple[int, str, int | None, str | None]:
        """Return what is compared of it from round to round."""
        last = self.completed
        if last is None:
            return self.step, "", None, None
        return self.step, last.outcome.value, last.status, last.code
