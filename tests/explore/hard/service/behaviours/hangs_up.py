"""A connection for each payment, closed in the middle of a transaction if it comes to nothing."""

from __future__ import annotations

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from shop import DATABASE_URL, Conflict, Shop, claim

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        connection = await AsyncConnection.connect(DATABASE_URL, row_factory=dict_row)
        try:
            await claim(connection, order_id)
            raise Conflict("changed_its_mind")
        finally:
            connection.pgconn.finish()  # no ROLLBACK: the server finds out by itself
