"""A library around the driver does a transaction again that failed to serialize."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from psycopg import errors
from shop import Connection, Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order

TRIES = 5


async def retried(shop: Shop, work: Callable[[Connection], Awaitable[Order]]) -> Order:
    """``work`` in a transaction of its own, as often as it takes."""
    for left in reversed(range(TRIES)):
        try:
            async with shop.transaction() as connection:
                return await work(connection)
        except (errors.SerializationFailure, errors.DeadlockDetected):
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        async def decide(connection: Connection) -> Order:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            order = await read_unpaid(connection, order_id)
            await connection.execute(
                "UPDATE orders SET payment_status = 'processing' WHERE id = %s", (order_id,)
            )
            return order

        payment_id = await shop.charge(await retried(shop, decide))
        async with shop.transaction() as connection:
            return await mark_paid(connection, order_id, payment_id)
