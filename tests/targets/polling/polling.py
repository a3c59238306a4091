"""Takes payments under locks that are tried for until they are free.

``GUARD``: ``waits`` tries to set a key in Redis for as long as it takes, ``gives_up`` four times,
``goes_on`` four times as well, and charges all the same then; ``trusts`` eight times, and takes
what it read before for true if it was granted the lock late; ``advisory`` tries for an advisory
lock of Postgres in transactions, ``claim`` for a row.
"""

from __future__ import annotations

import http.client
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

import psycopg
import redis

GUARD = os.environ["GUARD"]
PAUSE_S = 0.005
FORM = urlencode(
    {
        "amount": "900",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
)
KEYS = redis.Redis.from_url(os.environ["REDIS_URL"])


def paid() -> bool:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        if GUARD == "advisory":
            while True:
                with db.transaction():
                    if _told(db, "SELECT pg_try_advisory_xact_lock(7)") is True:
                        return _paid(db)
                time.sleep(PAUSE_S)
        if GUARD == "claim":
            while (
                db.execute("UPDATE orders SET busy = true WHERE id = 1 AND NOT busy").rowcount != 1
            ):
                time.sleep(PAUSE_S)
            try:
                return _paid(db)
            finally:
                db.execute("UPDATE orders SET busy = false WHERE id = 1")
        if GUARD == "trusts":
            return _paid_trusting(db)
        with _locked() as locked:
            return (locked or GUARD == "goes_on") and _paid(db)


@contextmanager
def _locked() -> Iterator[bool]:
    tries, locked = 0, False
    while not locked and (tries < 4 or GUARD == "waits"):
        tries += 1
        locked = bool(KEYS.set("lock", "1", nx=True))
        if not locked:
            time.sleep(PAUSE_S)
    try:
        yield locked
    finally:
        if locked:
            KEYS.delete("lock")


def _paid_trusting(db: psycopg.Connection) -> bool:
    status = _told(db, "SELECT status FROM orders WHERE id = 1")
    late = False
    for tries in range(8):
        late = tries >= 4
        if KEYS.set("lock", "1", nx=True):
            break
        time.sleep(PAUSE_S)
    else:
        return False
    try:
        if not late:
            status = _told(db, "SELECT status FROM orders WHERE id = 1")
        if status == "paid":
            return False
        _charge()
        db.execute("UPDATE orders SET status = 'paid' WHERE id = 1")
        return True
    finally:
        KEYS.delete("lock")


def _paid(db: psycopg.Connection) -> bool:
    if _told(db, "SELECT status FROM orders WHERE id = 1") == "paid":
        return False
    _charge()
    db.execute("UPDATE orders SET status = 'paid' WHERE id = 1")
    return True


def _told(db: psycopg.Connection, sql: str) -> object:
    row = db.execute(sql.encode()).fetchone()
    assert row is not None
    return row[0]


def _charge() -> None:
    connection = http.client.HTTPConnection(urlsplit(os.environ["STRIPE"]).netloc, timeout=120)
    headers = {
        "Authorization": f"Bearer {os.environ['STRIPE_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/v1/payment_intents", FORM, headers)
    connection.getresponse().read()
    connection.close()


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self._answer(200 if paid() else 409)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
