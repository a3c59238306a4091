"""Puts a job into a queue and takes the oldest that is there, by looking and then marking it.

Who loses that race leaves a job behind, which nothing of the target file forbids.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg


def _works() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        db.execute("INSERT INTO jobs DEFAULT VALUES")
        oldest = "SELECT id FROM jobs WHERE state = 'new' ORDER BY id LIMIT 1"
        if (job := db.execute(oldest).fetchone()) is not None:
            taken = "UPDATE jobs SET state = 'done' WHERE id = %s AND state = 'new'"
            db.execute(taken, job)
        db.execute("SELECT count(*) FROM jobs WHERE state = 'new'")


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        _works()
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
