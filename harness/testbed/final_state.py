"""Looks at the world once it has come to rest: orders at the service, objects at Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from paidonce.harness.bounded import decode_json
from paidonce.harness.capability import Capability
from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.history import (
    Action,
    ChargeObserved,
    Event,
    IntentObserved,
    OrderObserved,
    Recorder,
)
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.service.description import request_for
from paidonce.harness.service.responses import UnexpectedAnswer, order_observed
from paidonce.harness.testbed.bench import Bench

ANSWER_DEADLINE_S = 30.0
_LOOK_AGAIN_S = 0.02
_PAGE = 100
_SIDE_BY_SIDE = 8


async def read_order(bench: Bench, journal: Recorder, order: str) -> OrderObserved:
    """The order as the service shows it now. Raises ``UnexpectedAnswer``."""
    request = request_for(bench.target, Action.READ, order, {}, None)
    try:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            answer = await bench.service.ask(request.method, request.path)
    except TimeoutError as error:
        raise DeadlineExceeded(f"an answer to {request.path}", ANSWER_DEADLINE_S) from error
    except NoAnswer as error:
        raise UnexpectedAnswer(f"{request.path} gave no answer: {error}") from error
    if answer.status != 200:
        raise UnexpectedAnswer(f"{request.path} answered {answer.status}, expected 200")
    return order_observed(bench.target, t=journal.now(), order=order, body=answer.body)


async def _read_orders(bench: Bench, journal: Recorder, orders: list[str]) -> list[OrderObserved]:
    room = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def read(order: str) -> OrderObserved:
        async with room:
            return await read_order(bench, journal, order)

    return list(await asyncio.gather(*(read(order) for order in orders)))


async def at_rest(
    bench: Bench, journal: Recorder, orders: Iterable[str], deadline_s: float
) -> list[OrderObserved] | None:
    """Wait until no call to Stripe is under way and every order shows a resting status.

    Returns the orders as they were seen then, in their order. None when the deadline passed
    first; what is observed then is not at rest, and the checkers will say so.
    """
    wanted = list(orders)
    resting = bench.target.resting_statuses
    seen: dict[str, OrderObserved] = {}

    async def look() -> None:
        waiting = wanted
        while waiting or bench.stripe_tap.in_flight:
            seen.update({o.order: o for o in await _read_orders(bench, journal, waiting)})
            waiting = [order for order in waiting if seen[order].payment_status not in resting]
            if waiting or bench.stripe_tap.in_flight:
                await asyncio.sleep(_LOOK_AGAIN_S)

    try:
        async with asyncio.timeout(deadline_s):
            await look()
    except TimeoutError:
        return None
    return [seen[order] for order in wanted]


async def resting(bench: Bench, journal: Recorder, orders: Iterable[str]) -> bool:
    """Return whether every order shows a resting status now."""
    seen = await _read_orders(bench, journal, list(orders))
    return all(order.payment_status in bench.target.resting_statuses for order in seen)


async def observe(
    bench: Bench,
    journal: Recorder,
    orders: Iterable[str],
    seen: Iterable[OrderObserved] | None = None,
) -> list[Event]:
    """Every order and, where the Stripe in use has a ledger, every intent and charge of theirs.

    ``seen``: the orders as they were observed when nothing could change them any more.
    """
    wanted = list(orders)
    found: list[Event] = [*(await _read_orders(bench, journal, wanted) if seen is None else seen)]
    if Capability.STRIPE_LEDGER in bench.capabilities:
        key = bench.target.stripe_order_key
        found += await ledger(bench, journal, set(wanted), key)
    return found


async def ledger(bench: Bench, journal: Recorder, orders: set[str], key: str) -> list[Event]:
    """Stripe's intents and charges of these orders, which they name under a metadata ``key``.

    An intent that names none may be the first of an invoice, or of a subscription, that does; a
    charge without an intent names its order itself.
    """
    owner: dict[str, str] = {}
    found: list[Event] = []
    intents, charges = await asyncio.gather(
        _listed(bench, "/v1/payment_intents"), _listed(bench, "/v1/charges")
    )
    invoiced: dict[str, str] = {}
    if any(key not in intent.get("metadata", {}) for intent in intents):
        invoiced = await _invoiced(bench, key)
    for intent in intents:
        order = intent.get("metadata", {}).get(key) or invoiced.get(intent["id"])
        if order in orders:
            owner[intent["id"]] = order
            found.append(
                IntentObserved(
                    t=journal.now(),
                    id=intent["id"],
                    order=order,
                    status=intent["status"],
                    amount=intent["amount"],
                    amount_received=intent.get("amount_received") or 0,
                    currency=intent["currency"],
                )
            )
    for charge in charges:
        intent_id = charge.get("payment_intent")
        if intent_id is None:
            order = charge.get("metadata", {}).get(key)
            order = order if order in orders else None
        else:
            order = owner.get(intent_id)
        if order is not None:
            found.append(
                ChargeObserved(
                    t=journal.now(),
                    id=charge["id"],
                    intent=intent_id or charge["id"],
                    order=order,
                    status=charge["status"],
                    amount=charge["amount"],
                    amount_refunded=charge.get("amount_refunded") or 0,
                    currency=charge["currency"],
                )
            )
    return found


async def _listed(bench: Bench, path: str) -> list[dict[str, Any]]:
    return [listed async for listed in stripe_pages(bench, path)]


_FIRST = ("manual", "subscription_create")
"""The reasons of invoices that an order asks for; a renewal is meant to be paid again."""


async def _invoiced(bench: Bench, key: str) -> dict[str, str]:
    """The orders of intents that pay the first invoice of something, by intent.

    A Stripe that has no invoices, or no list of what pays them, has none.
    """
    orders: dict[str, str] = {}
    found: dict[str, str] = {}
    try:
        async for invoice in stripe_pages(bench, "/v1/invoices"):
            details = (invoice.get("parent") or {}).get("subscription_details") or {}
            named = {**(details.get("metadata") or {}), **(invoice.get("metadata") or {})}
            if invoice.get("billing_reason") in _FIRST and key in named:
                orders[invoice["id"]] = named[key]
        if orders:
            async for payment in stripe_pages(bench, "/v1/invoice_payments"):
                intent = payment["payment"].get("payment_intent")
                if intent is not None and payment["invoice"] in orders:
                    found[intent] = orders[payment["invoice"]]
    except UnexpectedAnswer:
        return found
    return found


async def stripe_pages(
    bench: Bench, path: str, only: Mapping[str, str] | None = None
) -> AsyncIterator[dict[str, Any]]:
    """All objects of a list, page after page (https://docs.stripe.com/api/pagination).

    ``only`` are parameters that narrow it, or widen it.
    """
    params: dict[str, str] = {"limit": str(_PAGE), **(only or {})}
    while True:
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                answer = await bench.stripe.ask("GET", f"{path}?{urlencode(params)}")
        except TimeoutError as error:
            raise DeadlineExceeded(f"Stripe to list {path}", ANSWER_DEADLINE_S) from error
        except NoAnswer as error:
            raise UnexpectedAnswer(f"Stripe does not list {path}: {error}") from error
        if answer.status != 200:
            raise UnexpectedAnswer(f"Stripe does not list {path}: it answered {answer.status}")
        page = decode_json(answer.body)
        for item in page["data"]:
            yield item
        if not page.get("has_more") or not page["data"]:
            return
        params["starting_after"] = page["data"][-1]["id"]
