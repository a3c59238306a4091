"""The one interface through which calls at a tap are let through: now, later, or in an order.

A tap asks its gate twice per call: before the request goes on, and before the answer does. In
pass mode there is no gate. What a gate does with the question (let go, wait for an event, wait
to be scheduled) is its own affair; a tap knows no policy.
"""

from __future__ import annotations

import enum
from typing import Protocol

from harness.taps.calls import StripeCall


class Passage(enum.Enum):
    """What becomes of a held answer."""

    DELIVER = "deliver"
    DROP = "drop"


class Gate(Protocol):
    """Decides when a call passes a tap."""

    async def request(self, call: StripeCall, connection: Connection) -> None:
        """Return when the request may go on to the dependency."""

    async def answer(self, call: StripeCall, connection: Connection) -> Passage:
        """Return when the answer may go on to the service, and whether it is to."""


class Connection(Protocol):
    """What a gate may know of the connection a call came on."""

    def hung_up(self) -> bool:
        """Whether the service has closed it, so that no answer will be read."""
