import json
import os
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg


def stripe(method, path, **form):
    data = urllib.parse.urlencode(form).encode() if form else (b"" if method == "POST" else None)
    return json.load(
        urllib.request.urlopen(
            urllib.request.Request(
                os.environ["STRIPE"] + path,
                data,
                {"Authorization": "Bearer sk_test_x"},
                method=method,
            )
        )
    )


class Shop(BaseHTTPRequestHandler):
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
        with psycopg.connect(
            os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=None
        ) as c:
            if self.path == "/orders":
                customer = stripe("POST", "/v1/customers", name="a")["id"]
                method = stripe(
                    "POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer
                )["id"]
                intent = stripe(
                    "POST",
                    "/v1/payment_intents",
                    **{
                        "amount": 4990,
                        "currency": "usd",
                        "customer": customer,
                        "payment_method": method,
                        "payment_method_types[]": "card",
                    },
                )["id"]
                row = c.execute(
                    "INSERT INTO orders (intent, customer) VALUES (%s, %s) RETURNING id",
                    (intent, customer),
                ).fetchone()
                return self.say(
                    200, json.dumps({"id": row[0], "intent": intent, "customer": customer})
                )
            _, _, order, verb, thing = self.path.split("/")
            if verb == "erase":
                stripe("DELETE", "/v1/customers/" + thing)
                return self.say(200)
            customer = c.execute("SELECT customer FROM orders WHERE id = %s", (order,)).fetchone()[
                0
            ]
            if stripe("GET", "/v1/customers/" + customer).get("deleted"):
                return self.say(409)
            c.execute("UPDATE orders SET status = 'processing' WHERE id = %s", (order,))
            try:
                stripe("POST", "/v1/payment_intents/" + thing + "/confirm")
            except urllib.error.HTTPError:
                return self.say(409)  # the bug: the order stays "processing" for good
            c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
            self.say(200)
        return None


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
