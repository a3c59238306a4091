"""Picks an order's two parts, one a request: never are two of them to be in hand at once.

Each takes its part in hand, packs it, and puts it down; when all is over none is in hand, however
it went. ``free`` does each in a transaction of its own, ``bare`` by a statement that commits by
itself, ``turns`` holds a lock all the while. ``waits`` takes the lock for the taking alone.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

TAKE = "UPDATE picks SET state = 'in hand' WHERE id = %s"
PUT_DOWN = "UPDATE picks SET state = 'packed' WHERE id = %s"
LABEL = "UPDATE picks SET label = 'packed' WHERE id = %s"
LOCK = "SELECT FROM floor WHERE id = 1 FOR UPDATE"


def _free(db: psycopg.Connection, part: int) -> None:
    with db.transaction():
        db.execute(TAKE, (part,))
    with db.transaction():
        db.execute(PUT_DOWN, (part,))
    with db.transaction():
        db.execute(LABEL, (part,))


def _bare(db: psycopg.Connection, part: int) -> None:
    db.execute(TAKE, (part,))
    db.execute(PUT_DOWN, (part,))


def _turns(db: psycopg.Connection, part: int) -> None:
    with db.transaction():
        db.execute(LOCK)
        db.execute(TAKE, (part,))
        db.execute(PUT_DOWN, (part,))


def _waits(db: psycopg.Connection, part: int) -> None:
    with db.transaction():
        db.execute(LOCK)
        db.execute(TAKE, (part,))
    db.execute(PUT_DOWN, (part,))


_WAYS = {"free": _free, "bare": _bare, "turns": _turns, "waits": _waits}


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        part = int(self.path.rpartition("/")[2])
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            _WAYS[os.environ["WAY"]](db, part)
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
