"""An order is settled once: it becomes paid, and its customer gets the credits."""

import os

import asyncpg


async def read_then_write(connection: asyncpg.Connection, order_id: int) -> bool:
    """Whoever reads "unpaid" settles. The page the customer comes back to, the webhook, and the
    webhook once more may all read it before the first of them has written."""
    async with connection.transaction():
        order = await connection.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
        if order is None or order["payment_status"] == "paid":
            return False
        await connection.execute(
            "UPDATE orders SET payment_status = 'paid' WHERE id = $1", order_id
        )
        await _give_credits(connection, order)
        return True


async def conditional_write(connection: asyncpg.Connection, order_id: int) -> bool:
    """The write itself says "unpaid": of all who come, one changes the row."""
    async with connection.transaction():
        order = await connection.fetchrow(
            "UPDATE orders SET payment_status = 'paid'"
            " WHERE id = $1 AND payment_status = 'unpaid' RETURNING *",
            order_id,
        )
        if order is None:
            return False
        await _give_credits(connection, order)
        return True


async def _give_credits(connection: asyncpg.Connection, order: asyncpg.Record) -> None:
    await connection.execute(
        "UPDATE customers SET credits = credits + $2 WHERE id = $1",
        order["customer_id"],
        order["amount"],
    )


settle = {"read_then_write": read_then_write, "conditional_write": conditional_write}[
    os.environ.get("SETTLE", "read_then_write")
]
