"""The shop's HTTP API; how it pays is the behaviour's affair."""

from __future__ import annotations

import asyncio
import importlib
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from behaviours.base import Behaviour, Later
from shop import Conflict, Shop, read
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

behaviour: Behaviour = importlib.import_module(f"behaviours.{os.environ['BEHAVIOUR']}").Behaviour()
shop = Shop(behaviour.pool_size)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with shop.pool:
        await shop.pool.wait()
        own = asyncio.ensure_future(behaviour.by_itself(shop))
        yield
        own.cancel()
        await asyncio.gather(own, return_exceptions=True)
    await shop.stripe.aclose()


async def healthz(_: Request) -> Response:
    return JSONResponse({"ok": True})


async def create(request: Request) -> Response:
    wanted = await request.json()
    async with shop.transaction() as connection:
        cursor = await connection.execute(
            "INSERT INTO orders (id, amount, currency) VALUES (%s, %s, %s) RETURNING *",
            (str(uuid.uuid4()), wanted["amount"], wanted["currency"]),
        )
        return JSONResponse(await cursor.fetchone(), 201)


async def show(request: Request) -> Response:
    async with shop.transaction() as connection:
        return JSONResponse(await read(connection, request.path_params["order"]))


async def pay(request: Request) -> Response:
    return await _answered(behaviour.pay(shop, request.path_params["order"]))


async def cancel(request: Request) -> Response:
    return await _answered(behaviour.cancel(shop, request.path_params["order"]))


async def _answered(work: Any) -> Response:
    try:
        done = await work
    except Conflict as conflict:
        return JSONResponse({"error": {"code": str(conflict)}}, 409)
    if isinstance(done, Later):
        return JSONResponse(done.order, background=BackgroundTask(done.work))
    return JSONResponse(done)


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/orders", create, methods=["POST"]),
        Route("/orders/{order}", show),
        Route("/orders/{order}/payments", pay, methods=["POST"]),
        Route("/orders/{order}/cancel", cancel, methods=["POST"]),
    ],
    lifespan=lifespan,
)
