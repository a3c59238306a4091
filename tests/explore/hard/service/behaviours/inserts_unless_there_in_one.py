"""As ``inserts_unless_there``, in a transaction that is sent as one text."""

from __future__ import annotations

from shop import Connection

from behaviours.inserts_unless_there import INSERT
from behaviours.inserts_unless_there import Behaviour as Base


class Behaviour(Base):
    async def inserts(self, connection: Connection, order_id: str) -> bool:
        insert = INSERT.format(f"'{order_id}'")
        cursor = await connection.execute(f"BEGIN; {insert}; COMMIT".encode())
        cursor.nextset()
        return cursor.rowcount == 1
