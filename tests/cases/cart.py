import http.cookies
import json
import os
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

MODE = os.environ.get("MODE", "derived")


def stripe(amount, n):
    r = urllib.request.Request(
        os.environ["STRIPE_BASE"] + "/v1/payment_intents",
        urllib.parse.urlencode(
            {
                "amount": amount,
                "currency": "gbp",
                "confirm": "true",
                "payment_method": "pm_card_visa",
                "metadata[order]": n,
            }
        ).encode(),
        {"Authorization": "Bearer " + os.environ["STRIPE_KEY"]},
    )
    return json.load(urllib.request.urlopen(r))["id"]


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def out(self, status, body, **headers):
        b = json.dumps(body).encode()
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(b)))
        self.end_headers()
        self.wfile.write(b)

    last = None

    def parse_request(
        self,
    ):  # a server whose keep-alive ran out just as a request arrives (gunicorn: after 2 s)
        import socket
        import struct
        import time

        now, before = time.monotonic(), self.last
        self.last = now
        if (
            MODE == "reset"
            and self.raw_requestline.startswith(b"GET")
            and before is not None
            and now - before > 1.2
        ):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            self.raw_requestline = b""
            raise ConnectionResetError
        return super().parse_request()

    def do_GET(self):
        self.out(200, {})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            if self.path == "/cart":  # the cart's id goes into a cookie, as a shop's does
                if MODE in ("slow", "reset"):
                    import time

                    time.sleep(0.8 if MODE == "slow" else 2)
                i = db.execute("INSERT INTO cart (status) VALUES ('Open') RETURNING id").fetchone()[
                    0
                ]
                return self.out(201, {"id": i}, Set_Cookie=f"cart={i}-x9; Path=/")
            i = int(http.cookies.SimpleCookie(self.headers["Cookie"])["cart"].value.split("-")[0])
            if not db.execute(
                "SELECT id, status FROM cart WHERE id = %s AND status = 'Open'", (i,)
            ).fetchone():
                return self.out(409, {})
            if MODE != "coupon":
                db.execute("UPDATE cart SET status = 'Frozen' WHERE id = %s", (i,))
            if MODE == "slow":
                for _ in range(3):
                    db.execute("UPDATE cart SET status = 'Open' WHERE id = %s", (i,))
                stripe(1000, str(i))
                return self.out(200, {})
            if MODE == "log":
                import datetime

                with db.transaction():
                    db.execute(
                        "INSERT INTO log (what, data) VALUES ('paid', %s)",
                        (json.dumps({"date": datetime.datetime.utcnow().isoformat() + "Z"}),),
                    )
                stripe(1000, str(i))
                db.execute("UPDATE cart SET status = 'Submitted' WHERE id = %s", (i,))
                return self.out(200, {})
            if MODE == "coupon":
                if db.execute("SELECT uses_left FROM coupon WHERE id = 1").fetchone()[0] < 1:
                    return self.out(409, {})
                stripe(1000, str(i))
                db.execute("UPDATE coupon SET uses_left = 0 WHERE id = 1")
                db.execute("UPDATE cart SET status = 'Submitted' WHERE id = %s", (i,))
                return self.out(200, {})
            n = str(100000 + i) if MODE == "derived" else str(i)
            stripe(1000, n)
            if (
                MODE == "lookup"
                and not db.execute("SELECT id FROM kind WHERE name = 'Stripe'").fetchone()
            ):
                db.execute("INSERT INTO kind (name) VALUES ('Stripe')")
            if db.execute("SELECT 1 FROM orders WHERE number = %s", (n,)).fetchone():
                return self.out(409, {})
            db.execute("INSERT INTO orders (number) VALUES (%s)", (n,))
            db.execute("UPDATE cart SET status = 'Submitted' WHERE id = %s", (i,))
        self.out(200, {})
        return None


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
