"""The pool's only connection is given back while Stripe is called; a claim guards the order."""

from __future__ import annotations

from shop import Shop, claim, mark_paid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    pool_size = 1

    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            order = await claim(connection, order_id)
        payment_id = await shop.charge(order)
        async with shop.transaction() as connection:
            return await mark_paid(connection, order_id, payment_id)
