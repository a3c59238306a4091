"""Who inserts a payment where there is none pays: one statement, which looks, writes and commits.

Two of them at once both find none.
"""

from __future__ import annotations

from shop import Conflict, Connection, Shop, mark_paid, read

from behaviours.base import Behaviour as Base
from behaviours.base import Order

INSERT = (
    "INSERT INTO payments (order_id) SELECT {0} "
    "WHERE NOT EXISTS (SELECT FROM payments WHERE order_id = {0})"
)


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.pool.connection() as connection:
            await connection.set_autocommit(True)
            try:
                if not await self.inserts(connection, order_id):
                    raise Conflict("not_payable")
                order = await read(connection, order_id)
                return await mark_paid(connection, order_id, await shop.charge(order))
            finally:
                await connection.set_autocommit(False)

    async def inserts(self, connection: Connection, order_id: str) -> bool:
        cursor = await connection.execute(INSERT.format("%s").encode(), (order_id, order_id))
        return cursor.rowcount == 1
