"""A payment service of the tests' own: an ASGI app that keeps its orders in memory.

``PAIDONCE_TEST_MODE``: "sound" (one payment at a time for each order), "racy" (reads, waits,
then writes: several payments win) or "silent" (payments are never answered).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
MODE = os.environ.get("PAIDONCE_TEST_MODE", "sound")
ORDERS: dict[str, dict[str, Any]] = {}
BUSY: set[str] = set()
KEYS: dict[tuple[str, str], str] = {}
NUMBERS = itertools.count(1)
PAYING_SECONDS = 0.002


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    assert scope["type"] == "http"
    body = await read_body(receive)
    status, answer, headers = await respond(scope, json.loads(body or b"{}"))
    encoded = [(b"content-type", b"application/json")]
    encoded += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def read_body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def respond(scope: Message, data: Message) -> tuple[int, Message, dict[str, str]]:
    match scope["method"], scope["path"].strip("/").split("/"):
        case "GET", ["healthz"]:
            return 200, {}, {}
        case "POST", ["orders"]:
            order = {
                "id": f"order-{next(NUMBERS)}",
                "amount": data["amount"],
                "currency": data["currency"],
                "payment_status": "unpaid",
                "payment_id": None,
                "refunded_amount": 0,
            }
            ORDERS[order["id"]] = order
            return 201, order, {}
        case "GET", ["orders", name]:
            return 200, ORDERS[name], {}
        case "GET", ["orders"]:
            return 200, {"orders": list(ORDERS.values())}, {}
        case "POST", ["orders", name, "payments"]:
            keys = [v.decode() for n, v in scope["headers"] if n == b"idempotency-key"]
            return await pay(ORDERS[name], keys[0] if keys else None)
        case "POST", ["orders", name, "cancel"]:
            return cancel(ORDERS[name])
        case _:
            return 404, {"error": {"code": "not_found"}}, {}


async def pay(order: dict[str, Any], key: str | None) -> tuple[int, dict[str, Any], dict[str, str]]:
    name = order["id"]
    if MODE == "silent":
        await asyncio.Event().wait()
    if key is not None and KEYS.get((name, key)) is not None:
        return 200, paid(order), {"idempotent-replayed": "true"}
    if order["payment_status"] != "unpaid":
        return refusal("order_cancelled" if order["payment_status"] == "cancelled" else PAID)
    if MODE == "sound":
        if name in BUSY:
            return refusal("payment_in_progress")
        BUSY.add(name)
    await asyncio.sleep(PAYING_SECONDS)
    BUSY.discard(name)
    order["payment_status"] = "paid"
    order["payment_id"] = f"pi_{next(NUMBERS)}"
    if key is not None:
        KEYS[name, key] = order["payment_id"]
    return 200, paid(order), {"payment-retries": "1"}


PAID = "order_already_paid"


def paid(order: dict[str, Any]) -> dict[str, Any]:
    return {name: order[name] for name in ("payment_id", "amount", "currency")}


def refusal(code: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    return 409, {"error": {"code": code}}, {}


def cancel(order: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
    if order["id"] in BUSY:
        return refusal("payment_in_progress")
    if order["payment_status"] not in ("unpaid", "cancelled"):
        return refusal(PAID)
    order["payment_status"] = "cancelled"
    return 200, order, {}
