"""A mutex covers a payment up to its answer; its COMMIT comes after that."""

from __future__ import annotations

import asyncio

from shop import Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Later


class Behaviour(Base):
    def __init__(self) -> None:
        self.mutex = asyncio.Lock()

    async def pay(self, shop: Shop, order_id: str) -> Later:
        connection = await shop.pool.getconn()
        try:
            async with self.mutex:
                order = await read_unpaid(connection, order_id)
                paid = await mark_paid(connection, order_id, await shop.charge(order))
        except BaseException:
            await connection.rollback()
            await shop.pool.putconn(connection)
            raise

        async def settle() -> None:
            await connection.commit()
            await shop.pool.putconn(connection)

        return Later(paid, settle)
