"""Parses its first statement in a round trip of its own in some requests, as drivers do that keep
prepared statements: at REPEATABLE READ that is where the transaction's snapshot is taken."""

from __future__ import annotations

import itertools

from psycopg import IsolationLevel
from psycopg.errors import SerializationFailure
from shop import Conflict, Connection, Shop, claim, mark_paid, unpaid

from behaviours.base import Behaviour as Plain


class Behaviour(Plain):
    def __init__(self) -> None:
        self._requests = itertools.count()

    async def pay(self, shop: Shop, order_id: str) -> object:
        request = next(self._requests)
        async with shop.pool.connection() as connection:
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            try:
                async with connection.transaction():
                    await self._look(connection, order_id, request)
                    order = await claim(connection, order_id)
            except SerializationFailure:
                raise Conflict("lost_race") from None
            finally:
                await connection.set_isolation_level(None)
        payment_id = await shop.charge(order)
        async with shop.transaction() as connection:
            return await mark_paid(connection, order_id, payment_id)

    async def _look(self, connection: Connection, order_id: str, request: int) -> None:
        # The comment makes it a text that this connection has not met.
        text = f"/* {request} */ SELECT * FROM orders WHERE id = %s"
        cursor = await connection.execute(text, (order_id,), prepare=request % 4 < 2)
        order = await cursor.fetchone()
        assert order is not None
        unpaid(order)
