"""A ticket shop as web shops are: sessions in cookies, CSRF tokens in forms, redirects, a voucher.

Each customer has an order of their own; what they share is a voucher with a few uses. ``GUARD``:
``none`` reads what is left and writes it back, ``conditional`` takes one in a single statement.
"""

from __future__ import annotations

import http.client
import os
import secrets
import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg

FORM = '<form method="post"><input name="_csrf" value="{csrf}"><input name="email"></form>'


def charge(amount: int, order: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(os.environ["STRIPE"]).netloc, timeout=120)
    form = {
        "amount": str(amount),
        "currency": "usd",
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "payment_method_types[]": "card",
        "metadata[order]": str(order),
    }
    headers = {
        "Authorization": f"Bearer {os.environ['STRIPE_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/v1/payment_intents", urlencode(form), headers)
    connection.getresponse().read()
    connection.close()


class Portal(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sessions: ClassVar[dict[str, str]] = {}
    forms: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        if self.path == "/login":
            csrf = secrets.token_hex(8)
            self.forms.add(csrf)
            self._answer(200, FORM.format(csrf=csrf), {"Content-Type": "text/html"})
        else:
            self._answer(200, "up")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
        if self.path == "/login":
            if form.get("_csrf") not in self.forms:
                self._answer(403, "bad form")
                return
            session, token = secrets.token_hex(8), secrets.token_hex(8)
            self.sessions[session] = token
            headers = {
                "Location": "/account",
                "Set-Cookie": f"sid={session}; HttpOnly; Path=/",
                "X-Auth": f"token {token}",
            }
            self._answer(303, "", headers)
            return
        cookie = SimpleCookie(self.headers.get("Cookie", ""))
        token = self.sessions.get(cookie["sid"].value if "sid" in cookie else "")
        if token is None or self.headers.get("Authorization") != f"Bearer {token}":
            self._answer(401, "log in first")
            return
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
            if self.path == "/orders":
                row = database.execute(
                    "INSERT INTO orders (voucher) VALUES (%s) RETURNING id", (form["voucher"],)
                ).fetchone()
                self._answer(302, "", {"Location": f"/orders/{row[0]}"})
            else:
                self._redeem(database, int(self.path.split("/")[2]))

    def _redeem(self, database: psycopg.Connection, order: int) -> None:
        voucher = database.execute("SELECT voucher FROM orders WHERE id = %s", (order,)).fetchone()[
            0
        ]
        if os.environ["GUARD"] == "conditional":
            taken = database.execute(
                "UPDATE vouchers SET uses_left = uses_left - 1"
                " WHERE code = %s AND uses_left > 0 RETURNING uses_left",
                (voucher,),
            ).fetchone()
            if taken is None:
                self._answer(200, "<p>sold out</p>")  # a page, as such shops answer
                return
        else:
            left = database.execute(
                "SELECT uses_left FROM vouchers WHERE code = %s", (voucher,)
            ).fetchone()[0]
            if left < 1:
                self._answer(200, "<p>sold out</p>")
                return
            database.execute(
                "UPDATE vouchers SET uses_left = %s WHERE code = %s", (left - 1, voucher)
            )
        charge(1000, order)
        database.execute("UPDATE orders SET paid = true WHERE id = %s", (order,))
        self._answer(200, "<p>thank you</p>")

    def _answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Portal)
    server.daemon_threads = True
    server.serve_forever()
