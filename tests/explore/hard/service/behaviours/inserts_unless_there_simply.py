"""As ``inserts_unless_there``, by a simple query: its text holds all its values."""

from __future__ import annotations

from shop import Connection

from behaviours.inserts_unless_there import INSERT
from behaviours.inserts_unless_there import Behaviour as Base


class Behaviour(Base):
    async def inserts(self, connection: Connection, order_id: str) -> bool:
        cursor = await connection.execute(INSERT.format(f"'{order_id}'").encode())
        return cursor.rowcount == 1
