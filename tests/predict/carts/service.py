"""Baskets and coupons, in a few ways that lose money. What they do is named in ``HOW``."""

import http.cookies
import json
import os
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

HOW = os.environ["HOW"]


def charge(number):
    call = urllib.request.Request(
        os.environ["STRIPE_BASE"] + "/v1/payment_intents",
        urllib.parse.urlencode(
            {
                "amount": 1000,
                "currency": "gbp",
                "confirm": "true",
                "payment_method": "pm_card_visa",
                "metadata[order]": number,
            }
        ).encode(),
        {"Authorization": "Bearer " + os.environ["STRIPE_KEY"]},
    )
    urllib.request.urlopen(call).read()


def basket(db, cart):
    """The basket is looked at, and left when it is paid for."""
    read = "SELECT status FROM cart WHERE id = %s AND status = 'open'"
    if db.execute(read, (cart,)).fetchone() is None:
        return 409
    charge(cart)
    db.execute("UPDATE cart SET status = 'paid' WHERE id = %s", (cart,))
    return 200


def receipts(db, cart):
    """A number that is calculated from the basket's is looked up, and written."""
    number = str(cart * 7 + 100000)
    if db.execute("SELECT 1 FROM receipt WHERE number = %s", (number,)).fetchone():
        return 409
    charge(cart)
    db.execute("INSERT INTO receipt (number) VALUES (%s)", (number,))
    return 200


def coupon(db, cart):
    """A coupon that all share; visits are counted as well, and nobody goes by them."""
    left = db.execute("SELECT uses_left FROM coupon WHERE id = 1").fetchone()[0]
    seen = db.execute("SELECT amount FROM visits WHERE id = 1").fetchone()[0]
    if left < 1:
        return 409
    charge(cart)
    db.execute("UPDATE coupon SET uses_left = 0 WHERE id = 1")
    db.execute("UPDATE visits SET amount = %s WHERE id = 1", (seen + 1,))
    db.execute("SELECT status FROM cart WHERE id = %s", (cart,)).fetchone()
    db.execute("UPDATE cart SET status = 'paid' WHERE id = %s", (cart,))
    return 200


def fixed(db, cart):
    """As ``basket``, with a statement that was advised."""
    how, advised = os.environ["FIX"], os.environ["SQL"]
    ask = psycopg.RawCursor(db).execute  # takes $1
    if how == "FOR UPDATE":
        with db.transaction():
            row = ask(advised, (cart,)).fetchone()
            return paid(db, cart) if row is not None else 409
    return paid(db, cart) if ask(advised, (cart,)).rowcount else 409


def paid(db, cart):
    charge(cart)
    db.execute("UPDATE cart SET status = 'paid' WHERE id = %s", (cart,))
    return 200


WAYS = {"fixed": fixed, "basket": basket, "receipts": receipts, "coupon": coupon}


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, cart=None, **headers):
        body = json.dumps({"id": cart}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            if self.path == "/cart":  # its number goes into a cookie
                made = db.execute("INSERT INTO cart (status) VALUES ('open') RETURNING id")
                cart = made.fetchone()[0]
                return self.answer(201, cart, Set_Cookie=f"cart={cart}-x; Path=/")
            cookies = http.cookies.SimpleCookie(self.headers["Cookie"])
            return self.answer(WAYS[HOW](db, int(cookies["cart"].value.split("-")[0])))


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
