"""Pays an order once, told by keys of many kinds; a variant is a kind and ``sound`` or ``racy``."""

import base64
import hashlib
import json
import os
import secrets
import sys
import threading
import time
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

KIND, _, WAY = os.environ["VARIANT"].partition("-")
SOUND = WAY == "sound"
ALPHABET = "useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict"
EPOCH = 1288834974657
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# Keys that two attempts for one order have in common.
KEYS = {
    "sha256": lambda o: hashlib.sha256(f"order:{o}".encode()).hexdigest(),
    "short": lambda o: hashlib.sha1(str(o).encode()).hexdigest()[:10],
    "base64": lambda o: base64.b64encode(json.dumps({"order": o}).encode()).decode(),
    "slug": lambda o: f"order-{o}-{time.strftime('%Y-%m-%d')}",
    "padded": lambda o: f"INV{o:012}",
    "uuid5": lambda o: str(uuid.uuid5(uuid.NAMESPACE_URL, f"order/{o}")).upper(),
    "spelt": lambda o: "-".join(str(o)),
}
# What an attempt makes up for itself.
OWN = {
    "ulid": lambda: "".join(secrets.choice(CROCKFORD) for _ in range(26)),
    "nanoid": lambda: "".join(secrets.choice(ALPHABET) for _ in range(21)),
    "snowflake": lambda: str(((time.time_ns() // 10**6 - EPOCH) << 22) | secrets.randbits(22)),
    "pin": lambda: str(secrets.randbelow(10**8)),
    "word": lambda: "".join(secrets.choice("bcdfghjkmnp") for _ in range(8)),
}
LOCKS = {
    "crc": ("SELECT pg_advisory_xact_lock(%s)", lambda o: zlib.crc32(f"order:{o}".encode())),
    "md5": (
        "SELECT pg_advisory_xact_lock(('x' || substr(md5(%s), 1, 16))::bit(64)::bigint)",
        lambda o: f"order:{o}",
    ),
    "hashtext": ("SELECT pg_advisory_xact_lock(hashtext(%s))", lambda o: f"order:{o}"),
    "pair": ("SELECT pg_advisory_xact_lock(7, %s)", lambda o: o),
}
# Statements that add a row for an order, or find one.
ROWS = {
    "composite": (
        "INSERT INTO pairs VALUES (%s, 'sale') ON CONFLICT DO NOTHING",
        "SELECT 1 FROM pairs WHERE number = %s AND kind = 'sale'",
        lambda o: 100000 + o,
    ),
    "jsonb": (
        "INSERT INTO docs (body) VALUES (%s) ON CONFLICT DO NOTHING",
        "SELECT 1 FROM docs WHERE body ->> 'order' = %s::jsonb ->> 'order'",
        lambda o: json.dumps({"order": o, "at": time.time()}),
    ),
    "array": (
        "INSERT INTO lists VALUES (%s) ON CONFLICT DO NOTHING",
        "SELECT 1 FROM lists WHERE orders = %s",
        lambda o: [o, o + 1],
    ),
}


def claimed(db, insert, select, value):
    """Whether this attempt is the first; in the racy way two may be."""
    if SOUND:
        return db.execute(insert, (value,)).rowcount == 1
    if db.execute(select, (value,)).fetchone():
        return False
    db.execute(insert, (value,))
    return True


def pay(db, order, own):
    if KIND in KEYS:
        insert = "INSERT INTO claims VALUES (%s) ON CONFLICT DO NOTHING"
        select = "SELECT 1 FROM claims WHERE key = %s"
        if not claimed(db, insert, select, KEYS[KIND](order)):
            return False
    elif KIND in ROWS:
        insert, select, value = ROWS[KIND]
        if not claimed(db, insert, select, value(order)):
            return False
    elif KIND in LOCKS:
        lock, value = LOCKS[KIND]
        with db.transaction():
            if SOUND:
                db.execute(lock, (value(order),))
            if db.execute("SELECT 1 FROM payments WHERE order_id = %s", (order,)).fetchone():
                return False
            db.execute("INSERT INTO payments VALUES (%s, %s)", (own, order))
        return True
    elif KIND == "savepoint":
        with db.transaction():
            lock = " FOR UPDATE" if SOUND else ""
            paid = db.execute(f"SELECT paid FROM orders WHERE id = %s{lock}", (order,)).fetchone()[
                0
            ]
            if paid:
                return False
            name = f"s{threading.get_ident()}_x{secrets.randbelow(1000)}"
            db.execute(f"SAVEPOINT {name}")
            db.execute("UPDATE orders SET paid = true WHERE id = %s", (order,))
            db.execute(f"RELEASE SAVEPOINT {name}")
            db.execute("INSERT INTO payments VALUES (%s, %s)", (own, order))
        return True
    else:
        unpaid = " AND NOT paid" if SOUND else ""
        look = "SELECT paid FROM orders WHERE id = %s"
        if not SOUND and db.execute(look, (order,)).fetchone()[0]:
            return False
        set_paid = f"UPDATE orders SET paid = true WHERE id = %s{unpaid}"
        if db.execute(set_paid, (order,)).rowcount != 1:
            return False
        if KIND == "invoice":
            number = db.execute("SELECT nextval('invoices')").fetchone()[0]
            own = f"INV-{number:06}"
        elif KIND in OWN:
            own = OWN[KIND]()
    note = json.dumps({"paid": order, "at": time.strftime("%Y-%m-%dT%H:%M:%S")})
    db.execute("INSERT INTO payments VALUES (%s, %s, %s)", (own, order, note))
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            if self.path == "/orders":
                new = "INSERT INTO orders DEFAULT VALUES RETURNING id"
                return self.answer(201, {"id": db.execute(new).fetchone()[0]})
            paid = pay(db, int(self.path.split("/")[2]), self.headers["Idempotency-Key"])
        return self.answer(200 if paid else 409, {})


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
