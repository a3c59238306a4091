"""Reported ways to lose or double money, each racy and fixed (``FIXED=1``): ``MECHANISM`` names one
of ``alone`` or ``crossing``."""

import json
import os
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import alone
import crossing
import psycopg
from till import connected

NAME = os.environ["MECHANISM"]
MECHANISM = getattr(alone, NAME, None) or getattr(crossing, NAME)
PREPARED = ("refunds", "expires")


@dataclass
class Asked:
    verb: str
    order: str
    query: str
    key: str | None
    body: Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        url = urlsplit(self.path)
        verb, *order = url.path.strip("/").split("/")
        if verb == "orders":
            self.made(body)
            return
        key = self.headers.get("Idempotency-Key")
        try:
            status = MECHANISM(Asked(verb, order[0], url.query, key, body))
        except (psycopg.Error, OSError):
            status = 503
        self.answer(status, {})

    def made(self, body):
        """An order, and what its mechanism prepares."""
        with connected() as connection:
            made = connection.execute("INSERT INTO orders DEFAULT VALUES RETURNING id")
            order = str(made.fetchone()[0])
        more = MECHANISM(Asked("orders", order, "", None, body)) if NAME in PREPARED else {}
        self.answer(201, {"id": int(order)} | more)

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
