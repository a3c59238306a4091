"""The pool's only connection is held for all of a payment: it serves as a mutex."""

from __future__ import annotations

from shop import Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    pool_size = 1

    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            order = await read_unpaid(connection, order_id)
            return await mark_paid(connection, order_id, await shop.charge(order))
