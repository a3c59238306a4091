"""A serializable transaction decides; who fails there is turned away."""

from __future__ import annotations

from psycopg import errors
from shop import Conflict, Connection, Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


async def decide(connection: Connection, order_id: str) -> Order:
    """In one serializable transaction, mark the order as being paid."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    order = await read_unpaid(connection, order_id)
    await connection.execute(
        "UPDATE orders SET payment_status = 'processing' WHERE id = %s", (order_id,)
    )
    return order


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        try:
            async with shop.transaction() as connection:
                order = await decide(connection, order_id)
        except errors.SerializationFailure:
            raise Conflict("try_again") from None
        payment_id = await shop.charge(order)
        async with shop.transaction() as connection:
            return await mark_paid(connection, order_id, payment_id)
