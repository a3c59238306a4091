"""A till that marks an order as paid in database 1 of its Redis. Racy in every mode.

It looks, charges, marks. copy_db, copy_replace_db: marked by COPY from database 0.
select_pipelined: looked at over a connection that goes to database 1 and back in one pipeline.
select_in_multi: over one moved there by MULTI, SELECT, EXEC.
"""

import itertools
import json
import os
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import redis

U = urllib.parse.urlparse(os.environ["REDIS_URL"])
ORDERS, PAID = (redis.Redis(U.hostname, U.port, db=n, protocol=2) for n in (0, 1))
ORDERS.ping(), PAID.ping()
MODE = os.environ["MODE"]
TAIL = {"copy_db": ["DB", 1, "REPLACE"], "copy_replace_db": ["REPLACE", "DB", 1]}
MOVED = itertools.cycle(
    redis.Redis(U.hostname, U.port, protocol=2, single_connection_client=True) for _ in "12"
)
if MODE == "select_in_multi":
    for one in (next(MOVED), next(MOVED)):
        one.execute_command("MULTI"), one.execute_command("SELECT", 1), one.execute_command("EXEC")


def paid(key):
    if MODE == "select_pipelined":
        pipe = ORDERS.pipeline(transaction=False)
        pipe.execute_command("SELECT", 1).exists(key).execute_command("SELECT", 0)
        return pipe.execute()[1]
    if MODE == "select_in_multi":
        return next(MOVED).exists(key)
    return PAID.exists(key)


def mark(key):
    if MODE in TAIL:
        ORDERS.execute_command("COPY", key, key, *TAIL[MODE])
    else:
        PAID.set(key, "paid")


class Till(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def say(self, code, text="{}"):
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.say(200)

    def do_POST(self):
        if self.path == "/orders":
            with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as c:
                order = c.execute("INSERT INTO orders DEFAULT VALUES RETURNING id").fetchone()[0]
            ORDERS.set(f"order:{order}", "paid")
            PAID.delete(f"order:{order}")
            return self.say(200, json.dumps({"id": order}))
        order = int(self.path.split("/")[2])
        if paid(f"order:{order}"):
            return self.say(409)
        form = {
            "amount": 4990,
            "currency": "usd",
            "confirm": "true",
            "payment_method": "pm_card_visa",
            "payment_method_types[]": "card",
            "metadata[order_id]": order,
        }
        urllib.request.urlopen(
            urllib.request.Request(
                os.environ["STRIPE"] + "/v1/payment_intents",
                urllib.parse.urlencode(form).encode(),
                {"Authorization": "Bearer sk_test_x"},
            )
        ).read()
        mark(f"order:{order}")
        ORDERS.get(f"receipt:{order}")
        self.say(200)
        return None


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Till).serve_forever()
