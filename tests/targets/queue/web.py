"""A shop that leaves charging to a worker: it only puts a job into the queue."""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"up": True})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        parts = self.path.strip("/").split("/")
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
            if parts == ["orders"]:
                query = "INSERT INTO orders (amount) VALUES (%s) RETURNING id"
                row = database.execute(query, (body["amount"],)).fetchone()
                self._answer(201, {"id": row[0]})
                return
            database.execute(
                "WITH job AS (INSERT INTO jobs (order_id) VALUES (%s) RETURNING id)"
                " SELECT pg_notify('jobs', id::text) FROM job",
                (int(parts[1]),),
            )
        self._answer(202, {"queued": True})

    def _answer(self, status: int, answer: object) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Web)
    server.daemon_threads = True
    server.serve_forever()
