"""Stripe's own library sends a call again whose answer was lost, by itself."""

from __future__ import annotations

import os
from typing import Any

import stripe
from shop import Shop, lock, mark_paid, unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order

stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.MAX_DELAY = 0.01


class LosesFirstAnswers(stripe.HTTPXClient):
    """The network loses the answer to every first try, after Stripe has done what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: set[str] = set()

    async def request_async(
        self, method: str, url: str, headers: Any, post_data: Any = None
    ) -> tuple[Any, int, Any]:
        answer = await super().request_async(method, url, headers, post_data)
        key = headers["Idempotency-Key"]
        if key not in self.tried:
            self.tried.add(key)
            raise stripe.APIConnectionError("the answer was lost", should_retry=True)
        return answer


class Behaviour(Base):
    def __init__(self) -> None:
        self.client = stripe.StripeClient(
            os.environ["STRIPE_API_KEY"],
            base_addresses={"api": os.environ["STRIPE_API_BASE"]},
            max_network_retries=2,
            http_client=LosesFirstAnswers(),
        )

    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            order = unpaid(await lock(connection, order_id))
            intent = await self.client.v1.payment_intents.create_async(
                {
                    "amount": order["amount"],
                    "currency": order["currency"],
                    "payment_method": "pm_card_visa",
                    "confirm": True,
                    "return_url": "https://shop.example/return",
                    "metadata": {"order_id": order_id},
                }
            )
            return await mark_paid(connection, order_id, intent.id)
