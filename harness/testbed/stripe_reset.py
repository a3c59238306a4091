"""Empties a Stripe between two executions, which may be a hundred times a second.

A simulator of ours is asked over a connection that is kept: to make one each time, in a thread,
costs more than many a step of an execution.
"""

from __future__ import annotations

import asyncio

from paidonce.harness.backends.base import StripeServer
from paidonce.harness.backends.stripe_simulator import CONTROL_HEADERS, KEEP_PATH, not_reset
from paidonce.harness.http.client import NoAnswer, Wires

_DEADLINE_S = 10.0


class Emptying:
    """Has ``stripe`` forget everything each time it is called.

    Raises ``Unavailable`` when it does not answer, or says no.
    """

    def __init__(self, stripe: StripeServer) -> None:
        self._stripe = stripe
        self._wires = Wires(stripe.url, CONTROL_HEADERS)

    async def __call__(self) -> None:
        if not self._stripe.reset_path:
            await asyncio.to_thread(self._stripe.reset)
            return
        await self._told(self._stripe.reset_path, b"")

    @property
    def can_keep(self) -> bool:
        """Tell whether ``keep`` and ``back`` work: a simulator of ours can do that."""
        return bool(self._stripe.reset_path)

    async def keep(self) -> None:
        """Have it keep what there is by now, for ``back``."""
        await self._told(KEEP_PATH, b"")

    async def back(self) -> None:
        """Have it forget what came since ``keep``."""
        await self._told(self._stripe.reset_path, b'{"kept": true}')

    async def _told(self, path: str, body: bytes) -> None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                answer = await self._wires.ask("POST", path, body)
        except TimeoutError:
            problem = f"no answer within {_DEADLINE_S:g} s"
        except NoAnswer as error:
            problem = str(error)
        else:
            if answer.status < 400:
                return
            problem = f"answered {answer.status}"
        raise not_reset(self._stripe.url, problem)

    async def close(self) -> None:
        """Close the connection."""
        await self._wires.close()
