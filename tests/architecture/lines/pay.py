"""Takes an order in a store, by looking first or by a line that does both, and pays it."""

from __future__ import annotations

import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import psycopg


def _taken(order: str) -> bool:
    store = urlsplit(os.environ["STORE"])
    with socket.create_connection((store.hostname, store.port)) as sock:
        lines = sock.makefile("rw", newline="\n")

        def ask(line: str) -> str:
            lines.write(f"{line}\n")
            lines.flush()
            return lines.readline().strip()

        if os.environ["HOW"] == "adds":
            return ask(f"ADD paid-{order} yes") == "DONE"
        if ask(f"GET paid-{order}") != "-":
            return False
        return ask(f"PUT paid-{order} yes") == "DONE"


def _pay(order: str) -> bool:
    if not _taken(order):
        return False
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        database.execute("INSERT INTO payments VALUES (%s)", (order,))
    return True


class Payments(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self._answer(200 if _pay(self.path.rpartition("/")[2]) else 409)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Payments).serve_forever()
