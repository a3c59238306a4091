"""A till that sends two statements as one text: a simple query, as drivers do without parameters.

By itself every variant answers 200 to the first attempt and 409 to a later one.
"""

import json
import os
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

CLAIM = "UPDATE orders SET status = 'processing' WHERE id = {o}"
GUARDED = CLAIM + " AND status = 'unpaid' RETURNING true"
LOOK = "SELECT status = 'unpaid' FROM orders WHERE id = {o}"
NOTE = "INSERT INTO notes VALUES ({o})"
TEXT = {
    "look_then_note": f"SELECT count(*) = 0 FROM notes WHERE o = {{o}}; {NOTE}",
    "guarded_insert_then_look": (
        "INSERT INTO notes SELECT {o} WHERE NOT EXISTS (SELECT 1 FROM notes WHERE o = {o})"
        " RETURNING true; SELECT 1"
    ),
    "claim_then_note": f"{GUARDED}; {NOTE}",
    "claim_then_log_select": f"{GUARDED}; INSERT INTO notes SELECT id FROM orders WHERE id = {{o}}",
    "set_then_claim": f"SET LOCAL lock_timeout = 0; {GUARDED}",
    "begin_racy": f"BEGIN; {LOOK}; {CLAIM}; COMMIT",
    "begin_commit": f"BEGIN; {LOOK} FOR UPDATE; {CLAIM}; COMMIT",
}[os.environ["MODE"]]


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
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as c:
            if self.path == "/orders":
                new = c.execute("INSERT INTO orders DEFAULT VALUES RETURNING id")
                return self.say(200, json.dumps({"id": new.fetchone()[0]}))
            order = int(self.path.split("/")[2])
            try:
                done = c.execute(TEXT.replace("{o}", str(order)))
            except psycopg.Error as error:
                print(error, file=sys.stderr, flush=True)
                return self.say(500)
            rows = []
            while True:
                if done.description:
                    rows += done.fetchall()
                if not done.nextset():
                    break
            if not any(row[0] is True for row in rows):
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
            self.say(200)
        return None


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Till).serve_forever()
