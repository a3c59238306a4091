"""Empties a Stripe between two executions, which may be a hundred times a second.

A simulator of ours is asked over a connection that is kept: to make one each time, in a thread,
costs more than many a step of an execution.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from paidonce.harness.backends.base import StripeServer
from paidonce.harness.backends.stripe_simulator import (
    CLOCK_PATH,
    CONTROL_HEADERS,
    KEEP_PATH,
    SEARCH_PATH,
    not_reset,
)
from paidonce.harness.http.client import Answer, NoAnswer, Wires

_DEADLINE_S = 10.0


class Emptying:
    """Has ``stripe`` forget everything each time it is called.

    Raises ``Unavailable`` when it does not answer, or says no.
    """

    def __init__(self, stripe: StripeServer) -> None:
        self._stripe = stripe
        self._wires = Wires(stripe.url, CONTROL_HEADERS)
        self._ahead: float | None = None
        """How far its clock was ahead, in seconds, before ``advance`` moved it."""

    async def __call__(self) -> None:
        if not self._stripe.reset_path:
            await asyncio.to_thread(self._stripe.reset)
            return
        await self._begin({})

    @property
    def can_keep(self) -> bool:
        """Tell whether ``keep`` and ``back`` work: a simulator of ours can do that."""
        return bool(self._stripe.reset_path)

    async def keep(self) -> None:
        """Have it keep what there is by now, for ``back``."""
        await self._told(KEEP_PATH, b"")

    async def back(self) -> None:
        """Have it forget what came since ``keep``."""
        await self._begin({"kept": True})

    async def advance(self, seconds: float) -> None:
        """Move its clock forward; what falls due in between happens now."""
        body = msgspec.json.encode({"advance_seconds": seconds})
        moved = msgspec.json.decode((await self._told(CLOCK_PATH, body)).body)
        if self._ahead is None:
            self._ahead = float(moved["ahead_seconds"]) - seconds

    async def hold_search(self, held: bool) -> None:
        """Have its search see what there is by now and nothing later; every write unless
        ``held``."""
        await self._told(SEARCH_PATH, msgspec.json.encode({"held": held}))

    async def _begin(self, wanted: dict[str, Any]) -> None:
        """Reset it, its clock as well if that was moved."""
        if self._ahead is not None:
            wanted["ahead_seconds"] = self._ahead
        await self._told(self._stripe.reset_path, msgspec.json.encode(wanted) if wanted else b"")
        self._ahead = None

    async def _told(self, path: str, body: bytes) -> Answer:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                answer = await self._wires.ask("POST", path, body)
        except TimeoutError:
            problem = f"no answer within {_DEADLINE_S:g} s"
        except NoAnswer as error:
            problem = str(error)
        else:
            if answer.status < 400:
                return answer
            problem = f"answered {answer.status}"
        raise not_reset(self._stripe.url, problem)

    async def close(self) -> None:
        """Put its clock back, and close the connection."""
        if self._ahead is not None:
            await self._begin({})
        await self._wires.close()
