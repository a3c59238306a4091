"""An order is settled once: it becomes paid, and its customer gets the credits.

It is taken back once: it becomes refunded, and the credits are gone."""

import os

import asyncpg


async def settle(connection: asyncpg.Connection, order_id: int) -> bool:
    async with connection.transaction():
        return await _change(connection, order_id, "unpaid", "paid", credits=1)


async def take_back(connection: asyncpg.Connection, order_id: int) -> bool:
    """Within the caller's transaction."""
    return await _change(connection, order_id, "paid", "refunded", credits=-1)


async def read_then_write(
    connection: asyncpg.Connection, order_id: int, before: str, after: str
) -> asyncpg.Record | None:
    """Whoever reads "unpaid" settles. The page the customer comes back to, the webhook, and the
    webhook once more may all read it before the first of them has written."""
    order = await connection.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
    if order is None or order["payment_status"] != before:
        return None
    await connection.execute("UPDATE orders SET payment_status = $2 WHERE id = $1", order_id, after)
    return order


async def conditional_write(
    connection: asyncpg.Connection, order_id: int, before: str, after: str
) -> asyncpg.Record | None:
    """The write itself says "unpaid": of all who come, one changes the row."""
    return await connection.fetchrow(
        "UPDATE orders SET payment_status = $3 WHERE id = $1 AND payment_status = $2 RETURNING *",
        order_id,
        before,
        after,
    )


_write = {"read_then_write": read_then_write, "conditional_write": conditional_write}[
    os.environ.get("SETTLE", "read_then_write")
]


async def _change(
    connection: asyncpg.Connection, order_id: int, before: str, after: str, *, credits: int
) -> bool:
    order = await _write(connection, order_id, before, after)
    if order is None:
        return False
    await connection.execute(
        "UPDATE customers SET credits = credits + $2 WHERE id = $1",
        order["customer_id"],
        credits * order["amount"],
    )
    return True
