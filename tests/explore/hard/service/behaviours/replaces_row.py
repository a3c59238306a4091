"""A paid order is a new row in the place of the old one: who waited for that one finds nothing."""

from __future__ import annotations

from shop import Shop, lock, unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            order = unpaid(await lock(connection, order_id))
            payment_id = await shop.charge(order)
            await connection.execute("DELETE FROM orders WHERE id = %s", (order_id,))
            cursor = await connection.execute(
                "INSERT INTO orders (id, amount, currency, payment_status, payment_id) "
                "VALUES (%s, %s, %s, 'paid', %s) RETURNING *",
                (order_id, order["amount"], order["currency"], payment_id),
            )
            paid = await cursor.fetchone()
            assert paid is not None
            return paid
