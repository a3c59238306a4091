"""A buyer looks until the bank has settled an order, and then collects it; the bank comes twice.

``unguarded`` settles whatever was settled before; ``claimed`` claims the order first. ``never`` is
a shop that forgets to settle.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

WAY = os.environ["WAY"]
RECEIPT = "SELECT min(id::text) FROM receipts WHERE order_id = 1"


def _settle(db: psycopg.Connection) -> int:
    with db.transaction():
        claim = "UPDATE orders SET status = 'settled' WHERE id = 1"
        if WAY == "claimed":
            claim += " AND status = 'open'"
        if db.execute(claim).rowcount != 1:
            return 409
        if WAY != "never":
            db.execute("INSERT INTO receipts (order_id) VALUES (1)")
    return 200


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(200, {})
            return
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            (receipt,) = db.execute(RECEIPT).fetchone() or (None,)
        self._answer(200, {"receipt": receipt} if receipt else {"settled": False})

    def do_POST(self) -> None:
        if self.path.startswith("/collect/"):
            self._answer(200, {})
            return
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            self._answer(_settle(db), {})

    def _answer(self, status: int, said: dict[str, object]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
