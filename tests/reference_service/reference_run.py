"""A running reference service, as its tests drive it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import uvicorn
from stripe import WebhookSignature
from stripe_front import StripeFront
from urllib3 import Timeout

from paidonce.harness.backends import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.errors import DeadlineExceeded
from paidonce.reference_service.app import create_app
from paidonce.reference_service.guards import GUARDS
from paidonce.reference_service.migration import migrate
from paidonce.reference_service.service import Service
from paidonce.reference_service.settings import load

SECRET = "whsec_reference_tests"
KEY = "sk_test_reference_tests"
DEADLINE_S = 120.0
SOUND = [name for name, guard in GUARDS.items() if guard.sound]


@dataclass(frozen=True)
class Backends:
    postgres: PostgresServer
    redis_url: str
    stripe_url: str

    def database(self) -> str:
        """A new database with the service's tables."""
        url = self.postgres.create_database(database_name("reference"))
        migrate(url)
        return url


class Running:
    """One service in this process, with its database, behind a Stripe that can be broken."""

    def __init__(self, url: str, service: Service, front: StripeFront, ledger_url: str) -> None:
        self.url = url
        self.service = service
        self.front = front
        self.guard = service.settings.payment_guard
        self.sound = GUARDS[self.guard].sound
        self.ledger_url = ledger_url
        self._client = httpx.Client(base_url=url, timeout=DEADLINE_S, trust_env=False)
        self._pool = ThreadPoolExecutor(16)

    def close(self) -> None:
        self._pool.shutdown()
        self._client.close()

    def new_order(self, amount: int = 1000) -> str:
        answer = self.call("POST", "/orders", {"amount": amount, "currency": "usd"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def order(self, order: str) -> dict[str, Any]:
        """The order as answers about it show it."""
        shown = self.shown(order)
        del shown["handed_out"]
        return shown

    def shown(self, order: str) -> dict[str, Any]:
        """The order as it shows itself, with what was handed out for it."""
        answer = self.call("GET", f"/orders/{order}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def checkout(self, order: str, key: str | None = None, **body: Any) -> Any:
        return self.call("POST", f"/orders/{order}/checkout", body, key)

    def pay_on_page(self, order: str, method: str = "pm_card_visa") -> int:
        """Pay as a customer does whom the service has sent to Stripe's page; the page's status."""
        session = self.session(str(self.order(order)["checkout_id"]))
        path = urlsplit(session["url"]).path
        return httpx.post(f"{self.ledger_url}{path}", data={"payment_method": method}).status_code

    def session(self, identity: str) -> dict[str, Any]:
        """A Checkout Session as Stripe shows it."""
        return self.stripe("GET", f"checkout/sessions/{identity}")

    def stripe(self, method: str, path: str, **form: Any) -> dict[str, Any]:
        """Ask Stripe itself."""
        url = f"{self.ledger_url}/v1/{path}"
        answer = httpx.request(method, url, auth=(KEY, ""), data=form or None)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def told(self, kind: str, about: dict[str, Any], event: str) -> Any:
        """Deliver an event about an object as Stripe shows it."""
        return self.deliver(
            {"id": event, "object": "event", "type": kind, "data": {"object": about}}, SECRET
        )

    def deliver(self, event: dict[str, Any], secret: str) -> Any:
        payload = json.dumps(event)
        signature = WebhookSignature.generate_signature_header(payload, secret)
        return self._client.post(
            "/webhooks/stripe", content=payload, headers={"Stripe-Signature": signature}
        )

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._client.request(method, path, json=body, headers=headers)

    def pay(self, order: str, method: str = "pm_card_visa", key: str | None = None) -> Any:
        return self.call("POST", f"/orders/{order}/payments", {"payment_method": method}, key)

    def intent(self, order: str) -> Any:
        return self.call("POST", f"/orders/{order}/payment-intents", {})

    def cancel(self, order: str, key: str | None = None) -> Any:
        return self.call("POST", f"/orders/{order}/cancel", {}, key)

    def refund(self, order: str, amount: int | None = None, key: str | None = None) -> Any:
        body = {} if amount is None else {"amount": amount}
        return self.call("POST", f"/orders/{order}/refunds", body, key)

    def amend(self, order: str, amount: int) -> Any:
        return self.call("PATCH", f"/orders/{order}", {"amount": amount})

    def start(self, function: Any, *arguments: Any) -> Future[Any]:
        """Run one of the above in a thread of its own."""
        return self._pool.submit(function, *arguments)

    def webhook(self, order: str, event: str, kind: str, intent: str, secret: str = SECRET) -> Any:
        about = {"id": intent, "object": "payment_intent", "metadata": {"order_id": order}}
        return self.deliver(
            {"id": event, "object": "event", "type": kind, "data": {"object": about}}, secret
        )

    def intents(self, order: str) -> list[dict[str, Any]]:
        """Stripe's payment intents of an order."""
        return [one for one in self._ledger()["intents"] if one["metadata"]["order_id"] == order]

    def charged(self, order: str) -> list[int]:
        """The amounts that Stripe took for an order."""
        return [
            one["amount"]
            for one in self._ledger()["charges"]
            if one["status"] == "succeeded" and one["metadata"]["order_id"] == order
        ]

    def refunded(self, order: str) -> int:
        """What Stripe gave back for an order."""
        mine = {one["id"] for one in self.intents(order)}
        return sum(
            one["amount"] for one in self._ledger()["refunds"] if one["payment_intent"] in mine
        )

    def recover(self) -> int:
        return self.service.recovery.run_once()

    @contextmanager
    def impatient_with_stripe(self, seconds: float = 0.5) -> Iterator[None]:
        """Give up on Stripe's answers after so long, for once."""
        sent = self.service.gateway._http
        before, sent.timeout = sent.timeout, Timeout(connect=DEADLINE_S, read=seconds)
        try:
            yield
        finally:
            sent.timeout = before

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.service.settings.database_url) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _ledger(self) -> dict[str, Any]:
        answer = httpx.get(
            f"{self.ledger_url}/_control/ledger",
            headers={"Paidonce-Control": "1"},
            timeout=DEADLINE_S,
            trust_env=False,
        )
        return dict(answer.json())


@contextmanager
def serving(
    guard: str, database_url: str, redis_url: str, stripe_url: str, **overrides: str
) -> Iterator[Running]:
    """Run the service under ``guard`` in a thread. Recovery runs only when a test asks."""
    front = StripeFront(stripe_url)
    try:
        settings = load(
            {
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_url,
                "STRIPE_API_BASE": front.url,
                "STRIPE_API_KEY": KEY,
                "STRIPE_WEBHOOK_SECRET": SECRET,
                "PAYMENT_GUARD": guard,
                "DB_POOL_SIZE": "10",
                # Who is impatient is so on purpose: a busy machine is slow by itself.
                "STRIPE_TIMEOUT_S": str(DEADLINE_S),
                "LOCK_TIMEOUT_MS": str(int(DEADLINE_S * 1000)),
                "REDIS_LEASE_MS": str(int(DEADLINE_S * 1000)),
                "RECOVERY_INTERVAL_S": "0",
                **overrides,
            }
        )
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            lifespan="on",
            log_level="warning",
            access_log=False,
            # Else a connection may end just when a client uses it again.
            timeout_keep_alive=3600,
        )
        server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            until = time.monotonic() + DEADLINE_S
            while not server.started:
                if time.monotonic() > until:
                    raise DeadlineExceeded("the service to start", DEADLINE_S)
                thread.join(0.01)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            running = Running(url, app.state.service, front, stripe_url)
            try:
                yield running
            finally:
                running.close()
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)
            listener.close()
    finally:
        front.close()


Starter = Callable[..., AbstractContextManager[Running]]
