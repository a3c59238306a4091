"""A till whose claims are in database 1 of its Redis (database 0 is its cache): by cart.

fixed: SET NX, charge. racy: EXISTS, charge, SET.
"""

import json
import os
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

U = urllib.parse.urlparse(os.environ["REDIS_URL"])
CACHE, CLAIMS = (redis.Redis(U.hostname, U.port, db=n, protocol=2) for n in (0, 1))
CACHE.ping(), CLAIMS.ping()


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
            return self.say(200, json.dumps({"id": CACHE.incr("orders")}))
        order = int(self.path.split("/")[2])
        racy = os.environ["MODE"] == "racy"
        if (
            CLAIMS.exists(f"claim:{order}")
            if racy
            else not CLAIMS.set(f"claim:{order}", "1", nx=True, px=600_000)
        ):
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
        if racy:
            CLAIMS.set(f"claim:{order}", "1", px=600_000)
        self.say(200)
        return None


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Till).serve_forever()
