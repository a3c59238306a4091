"""Charges for an order unless Stripe has a payment for it already, under a lock on its row.

``search`` searches for that, ``list`` reads the list of payments. ``search_and_status`` searches,
and claims the order by its status as well.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg

PAYMENTS = "/v1/payment_intents"
QUERY = "metadata['order']:'1'"


def _stripe(path: str, **form: str) -> dict[str, Any]:
    asked = urllib.request.Request(
        os.environ["STRIPE_URL"] + path,
        urllib.parse.urlencode(form).encode() if form else None,
        {"Authorization": f"Bearer {os.environ['STRIPE_KEY']}"},
    )
    with urllib.request.urlopen(asked) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _search() -> bool:
    return bool(_stripe(f"{PAYMENTS}/search?{urllib.parse.urlencode({'query': QUERY})}")["data"])


def _list() -> bool:
    every = _stripe(PAYMENTS)["data"]
    return any(payment["metadata"].get("order") == "1" for payment in every)


def _claimed(db: psycopg.Connection) -> bool:
    claim = "UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid'"
    return db.execute(claim).rowcount != 1


_PAID = {
    "search": lambda db: _search(),
    "list": lambda db: _list(),
    "search_and_status": lambda db: _search() or _claimed(db),
}


def _pay(db: psycopg.Connection) -> int:
    with db.transaction():
        db.execute("SELECT FROM orders WHERE id = 1 FOR UPDATE")
        if _PAID[os.environ["WAY"]](db):
            return 409
        _stripe(
            PAYMENTS,
            amount="100",
            currency="eur",
            confirm="true",
            payment_method="pm_card_visa",
            **{"payment_method_types[]": "card", "metadata[order]": "1"},
        )
    return 200


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            self._answer(_pay(db))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
