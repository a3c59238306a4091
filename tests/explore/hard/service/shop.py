"""What all behaviours of the shop use: its database, its Stripe, and the statements they share."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[dict[str, Any]]
DATABASE_URL = os.environ["DATABASE_URL"]


class Conflict(Exception):
    """The order cannot be paid (or cancelled) now; the message is the code."""


class Shop:
    """The pool asks every connection whether it is alive before it hands it out."""

    def __init__(self, pool_size: int) -> None:
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            DATABASE_URL,
            min_size=pool_size,
            max_size=pool_size,
            kwargs={"row_factory": dict_row},
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        self.stripe = httpx.AsyncClient(
            base_url=os.environ["STRIPE_API_BASE"],
            headers={"Authorization": f"Bearer {os.environ['STRIPE_API_KEY']}"},
            timeout=120,
            trust_env=False,
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection of the pool in a transaction that is committed at the end."""
        async with self.pool.connection() as connection:
            yield connection

    async def charge(self, order: dict[str, Any]) -> str:
        """Take the money; the id of the payment intent."""
        answer = await self.stripe.post(
            "/v1/payment_intents",
            data={
                "amount": order["amount"],
                "currency": order["currency"],
                "payment_method": "pm_card_visa",
                "confirm": "true",
                "return_url": "https://shop.example/return",
                "metadata[order_id]": order["id"],
            },
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        answer.raise_for_status()
        return str(answer.json()["id"])


async def read(connection: Connection, order_id: str) -> dict[str, Any]:
    """The order as it is now."""
    return await _one(connection, "SELECT * FROM orders WHERE id = %s", order_id)


async def read_unpaid(connection: Connection, order_id: str) -> dict[str, Any]:
    """The order if it is unpaid; raises ``Conflict``."""
    return unpaid(await read(connection, order_id))


async def lock(connection: Connection, order_id: str) -> dict[str, Any]:
    """The order, its row locked."""
    return await _one(connection, "SELECT * FROM orders WHERE id = %s FOR UPDATE", order_id)


async def claim(connection: Connection, order_id: str) -> dict[str, Any]:
    """The order, marked as being paid; raises ``Conflict`` if it was not unpaid."""
    cursor = await connection.execute(
        "UPDATE orders SET payment_status = 'processing' "
        "WHERE id = %s AND payment_status = 'unpaid' RETURNING *",
        (order_id,),
    )
    order = await cursor.fetchone()
    if order is None:
        raise Conflict("not_payable")
    return order


def unpaid(order: dict[str, Any]) -> dict[str, Any]:
    if order["payment_status"] != "unpaid":
        raise Conflict("not_payable")
    return order


async def mark_paid(connection: Connection, order_id: str, payment_id: str) -> dict[str, Any]:
    cursor = await connection.execute(
        "UPDATE orders SET payment_status = 'paid', payment_id = %s WHERE id = %s RETURNING *",
        (payment_id, order_id),
    )
    order = await cursor.fetchone()
    assert order is not None
    return order


async def mark_cancelled(connection: Connection, order_id: str) -> dict[str, Any]:
    cursor = await connection.execute(
        "UPDATE orders SET payment_status = 'cancelled' WHERE id = %s RETURNING *", (order_id,)
    )
    order = await cursor.fetchone()
    assert order is not None
    return order


async def _one(connection: Connection, statement: str, order_id: str) -> dict[str, Any]:
    cursor = await connection.execute(statement, (order_id,))
    order = await cursor.fetchone()
    if order is None:
        raise Conflict("no_such_order")
    return order
