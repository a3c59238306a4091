"""A real simulator process for the tests, and clients for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import httpx
import stripe

API_KEY = "sk_test_paidonce"
SECRET = "whsec_test_secret"
COMMAND = [sys.executable, "-m", "paidonce.harness.simulator"]
ROOT = Path(__file__).parents[2]
DEADLINE_S = 120.0
"""For whatever has to happen, on however busy a machine."""


class Simulator:
    """One process: its address, Stripe's own client for it, and the control API."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, timeout=DEADLINE_S)

    def client(self, key: str = API_KEY) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": self.url}, max_network_retries=0)

    def post(self, path: str, data: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(
            path, data=data, headers={"Authorization": f"Bearer {API_KEY}", **named}
        )

    def get(self, path: str, **params: str) -> httpx.Response:
        return self.http.get(path, params=params, headers={"Authorization": f"Bearer {API_KEY}"})

    def control(self, method: str, name: str, body: Any = None, **params: str) -> Any:
        answer = self.http.request(
            method,
            f"/_control/{name}",
            json=body,
            params=params,
            headers={"Paidonce-Control": "1"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ledger(self) -> dict[str, list[dict[str, Any]]]:
        ledger: dict[str, list[dict[str, Any]]] = self.control("GET", "ledger")
        return ledger


def ready_line(process: subprocess.Popen[str], seconds: float = DEADLINE_S) -> dict[str, Any]:
    """The first line of standard output, or a failure that says what came instead."""
    assert process.stdout is not None
    lines: Queue[str] = Queue()
    Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
    try:
        line = lines.get(timeout=seconds)
    except Empty:
        raise AssertionError(f"no ready line from the simulator within {seconds} s") from None
    assert line, f"the simulator ended with {process.wait(DEADLINE_S)} before it was ready"
    ready: dict[str, Any] = json.loads(line)
    return ready


@contextmanager
def running(*flags: str) -> Iterator[Simulator]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--stop-on-stdin-eof", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        simulator = Simulator(process, ready_line(process)["port"])
        try:
            yield simulator
        finally:
            simulator.http.close()
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(DEADLINE_S)
            raise
        finally:
            process.stdout.close()
