"""Locks on objects: two requests that change one object do so one after the other.

A request that cannot have its object's lock within the bounded wait gives up with 429
``lock_timeout`` and has done nothing, as https://docs.stripe.com/rate-limits#object-lock-timeouts
describes; how long Stripe waits is not documented, so it is a setting here.

An execution is atomic anyway. The lock matters where a request takes time while it holds its
object (the ``held`` part of the latency), as a confirmation does that talks to a bank.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from paidonce.harness.simulator.domain.errors import lock_timeout
from paidonce.harness.simulator.domain.invoices import payment_of
from paidonce.harness.simulator.domain.state import World


class Locks:
    """Which objects are locked, and who waits for each, first come first served."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def held(self, name: str) -> bool:
        """Return whether somebody has the lock."""
        return name in self._waiting

    async def acquire(self, name: str, seconds: float) -> None:
        """Wait for the lock and take it. Raises ``Refused`` (429) after ``seconds``."""
        queue = self._waiting.get(name)
        if queue is None:
            self._waiting[name] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as ended:
            if turn.done() and not turn.cancelled():
                # It was ours in the moment we gave up: it goes to the next one.
                self.release(name)
            elif turn in queue:  # whoever released the lock in that moment has passed us over
                queue.remove(turn)
            if isinstance(ended, TimeoutError):
                raise lock_timeout() from None
            raise

    def release(self, name: str) -> None:
        """Give the lock to whoever waits longest, or to nobody."""
        queue = self._waiting[name]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[name]


def subject(
    world: World, method: str, kind: str, identifier: str, form: Mapping[str, Any]
) -> str | None:
    """The id of the object a request changes, if it changes one that exists already.

    What changes a charge or makes a refund changes a payment intent's money, so that is the
    object; reads lock nothing.
    """
    if method == "GET" or not (identifier or kind == "refund"):
        return None
    if kind == "subscription_item" and identifier:
        item = world.subscription_items.get(identifier)
        return identifier if item is None else item.subscription
    if kind == "invoice" and identifier:
        return _of_invoice(world, identifier)
    charge: object = None
    if kind == "charge" or (kind == "refund" and identifier in world.charges):
        charge = identifier
    elif kind == "refund" and not identifier:
        if isinstance(intent := form.get("payment_intent"), str):
            return intent
        charge = form.get("charge")
    if isinstance(charge, str) and (found := world.charges.get(charge)) is not None:
        return found.payment_intent or found.id
    return identifier or None


def _of_invoice(world: World, identifier: str) -> str:
    """Return what is locked for an invoice: the payment intent that pays it, once it has one."""
    payment = payment_of(world, identifier)
    intent: str | None = None if payment is None else payment.payment["payment_intent"]
    return identifier if intent is None else intent
