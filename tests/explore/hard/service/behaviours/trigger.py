"""A trigger on another table claims the order; no statement of the shop's own does."""

from __future__ import annotations

from psycopg import errors
from shop import Conflict, Shop, mark_paid, read

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        try:
            async with shop.transaction() as connection:
                await connection.execute("INSERT INTO receipts (order_id) VALUES (%s)", (order_id,))
                order = await read(connection, order_id)
        except errors.RaiseException:
            raise Conflict("not_payable") from None
        payment_id = await shop.charge(order)
        async with shop.transaction() as connection:
            return await mark_paid(connection, order_id, payment_id)
