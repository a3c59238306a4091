"""As ``inserts_unless_there``, and an index sees to it that there is one: who is late fails."""

from __future__ import annotations

from psycopg import errors
from shop import Connection

from behaviours.inserts_unless_there import Behaviour as Base


class Behaviour(Base):
    async def inserts(self, connection: Connection, order_id: str) -> bool:
        try:
            cursor = await connection.execute(
                "INSERT INTO claims (order_id) SELECT %s "
                "WHERE NOT EXISTS (SELECT FROM claims WHERE order_id = %s)",
                (order_id, order_id),
            )
        except errors.UniqueViolation:
            return False
        return cursor.rowcount == 1
