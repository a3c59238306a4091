"""Which of Stripe's charges are an order's: also where no payment intent names it."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from paidonce.harness.history import ChargeObserved
from paidonce.harness.testbed.final_state import ledger

Lists = dict[str, list[dict[str, Any]]]


class _Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body


class _Stripe:
    """A Stripe that has these lists, by their paths."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    async def ask(self, _: str, target: str) -> _Answer:
        found = self._lists.get(urlsplit(target).path)
        if found is None:
            return _Answer(404, b"{}")
        return _Answer(200, json.dumps({"data": found, "has_more": False}).encode())


class _Bench:
    def __init__(self, lists: Lists) -> None:
        self.stripe = _Stripe(lists)


class _Journal:
    def now(self) -> float:
        return 0.0


def _intent(name: str, **metadata: str) -> dict[str, Any]:
    return {
        "id": name,
        "metadata": metadata,
        "status": "succeeded",
        "amount": 500,
        "amount_received": 500,
        "currency": "usd",
    }


def _charge(name: str, intent: str | None, **metadata: str) -> dict[str, Any]:
    return {
        "id": name,
        "payment_intent": intent,
        "metadata": metadata,
        "status": "succeeded",
        "amount": 500,
        "currency": "usd",
    }


def _charges(lists: Lists) -> list[tuple[str, str]]:
    bench: Any = _Bench(lists)
    journal: Any = _Journal()
    found = asyncio.run(ledger(bench, journal, {"o1"}, "order_id"))
    return [(one.id, one.order) for one in found if isinstance(one, ChargeObserved)]


def test_a_charge_without_an_intent_names_its_order_itself() -> None:
    lists = {
        "/v1/payment_intents": [_intent("pi_1", order_id="o1")],
        "/v1/charges": [
            _charge("ch_1", "pi_1"),
            _charge("ch_2", None, order_id="o1"),
            _charge("ch_3", None, order_id="another"),
        ],
    }
    assert _charges(lists) == [("ch_1", "o1"), ("ch_2", "o1")]


def test_what_pays_the_first_invoice_of_an_order_is_the_orders_and_a_renewal_is_not() -> None:
    details = {"subscription_details": {"metadata": {"order_id": "o1"}}}
    lists: Lists = {
        "/v1/payment_intents": [_intent("pi_1"), _intent("pi_2"), _intent("pi_3")],
        "/v1/invoices": [
            {"id": "in_1", "parent": details, "billing_reason": "subscription_create"},
            {"id": "in_2", "parent": details, "billing_reason": "subscription_cycle"},
            {"id": "in_3", "metadata": {"order_id": "o1"}, "billing_reason": "manual"},
        ],
        "/v1/invoice_payments": [
            {"invoice": f"in_{n}", "payment": {"payment_intent": f"pi_{n}"}} for n in (1, 2, 3)
        ],
        "/v1/charges": [_charge(f"ch_{n}", f"pi_{n}") for n in (1, 2, 3)],
    }
    assert _charges(lists) == [("ch_1", "o1"), ("ch_3", "o1")]


def test_a_stripe_without_invoices_has_none_that_are_an_orders() -> None:
    lists = {
        "/v1/payment_intents": [_intent("pi_1"), _intent("pi_2", order_id="o1")],
        "/v1/charges": [_charge("ch_1", "pi_1"), _charge("ch_2", "pi_2")],
    }
    assert _charges(lists) == [("ch_2", "o1")]
