"""Whoever is turned away leaves the transaction open, and the connection forgotten."""

from __future__ import annotations

from shop import Connection, Shop, lock, mark_paid, unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order

forgotten: list[Connection] = []


class Behaviour(Base):
    pool_size = 8

    async def pay(self, shop: Shop, order_id: str) -> Order:
        connection = await shop.pool.getconn()
        forgotten.append(connection)
        order = unpaid(await lock(connection, order_id))
        paid = await mark_paid(connection, order_id, await shop.charge(order))
        await connection.commit()
        await shop.pool.putconn(connection)
        forgotten.remove(connection)
        return paid
