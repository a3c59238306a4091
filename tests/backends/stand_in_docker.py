"""A stand-in for the Docker engine's HTTP API: just enough to create, look at and remove.

Its "containers" are servers that run already; it keeps what it was asked for. It says nothing
about whether a real engine would start a real image: the tests marked ``docker`` do.
"""

from __future__ import annotations

import http.server
import json
import re
import socketserver
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONTAINER = "c0ffee" + "0" * 58


class StandInEngine:
    """Listens on a Unix socket; ``port`` is where its one container is said to be published."""

    def __init__(self, path: Path, port: int) -> None:
        self.port = port
        self.status = "running"
        self.images: set[str] = set()
        self.created: list[dict[str, Any]] = []
        self.removed: list[str] = []
        engine = self

        class Handler(_Handler):
            pass

        Handler.engine = engine
        self._server = _UnixServer(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(120)
        self._server.server_close()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        path = re.sub(r"^/v[\d.]+", "", path)
        if path == "/version":
            return 200, {"Version": "99.1", "ApiVersion": "1.45", "MinAPIVersion": "1.24"}
        if path.startswith("/images/"):
            known = path.removeprefix("/images/").removesuffix("/json") in self.images
            return (200, {"Id": "sha256:1"}) if known else (404, {"message": "no such image"})
        if path == "/networks":
            return 200, []
        if path == "/containers/create":
            self.created.append(body)
            return 201, {"Id": CONTAINER, "Warnings": []}
        if path == f"/containers/{CONTAINER}/start":
            return 204, None
        if path == f"/containers/{CONTAINER}/logs":
            return 200, b"\x01\0\0\0\0\0\0\x0bbad config\n"
        if path == f"/containers/{CONTAINER}/json" and not self.removed:
            return 200, self._container()
        if path == f"/containers/{CONTAINER}" and method == "DELETE" and not self.removed:
            self.removed.append(CONTAINER)
            return 204, None
        return 404, {"message": f"no such thing: {method} {path}"}

    def _container(self) -> dict[str, Any]:
        inner = next(iter(self.created[-1]["HostConfig"]["PortBindings"]))
        published = [{"HostIp": "127.0.0.1", "HostPort": str(self.port)}]
        running = self.status == "running"
        return {
            "Id": CONTAINER,
            "Name": "/stand-in",
            "Config": {"Tty": False},
            "HostConfig": {"LogConfig": {"Type": "json-file"}},
            "State": {"Status": self.status, "Running": running},
            "NetworkSettings": {"Ports": {inner: published} if running else {}},
        }


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: StandInEngine

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length)
        body = json.loads(text) if text else None
        status, answer = self.engine.answer(self.command, urlsplit(self.path).path, body)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        if status == 204:
            data = b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        pass
