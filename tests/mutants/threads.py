"""What plain threads see of a mutant: two requests at once, in real time, without any of the taps.

The service naps before each thing that it does (``copies.py``), Stripe's simulator takes a while
for each call, and the two requests start within a few milliseconds of each other. What is looked
at is what the clients were told, the order's row, and what Stripe has.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import secrets
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from mutants import Mutant

JITTER_MS = 12
STRIPE_MS = 8
_READY_S = 120.0
_ANSWER_S = 30.0
_KEY = "sk_test_mutants"


@dataclass
class Seen:
    """How many rounds were played, and what broke in how many of them."""

    rounds: int = 0
    broken: Counter[str] = field(default_factory=Counter)


class Surroundings:
    """Stripe's simulator, and databases for mutants."""

    def __init__(self, postgres_url: str, redis_url: str, start: Path) -> None:
        self._exits = ExitStack()
        self._postgres, self._redis, self._start = postgres_url, redis_url, start
        self._migrated = ""
        command = [sys.executable, "-m", "paidonce.harness.simulator", "--port", "0"]
        command += ["--latency-ms", str(STRIPE_MS), "--stop-on-stdin-eof"]
        simulator = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._exits.callback(_stopped, simulator)
        told = json.loads(simulator.stdout.readline())
        self._stripe = f"http://{told['host']}:{told['port']}"

    def close(self) -> None:
        self._exits.close()

    def seen(self, mutant: Mutant, rounds: int, seed: int = 0, enough: int = 3) -> Seen:
        """Play a mutant, for up to so many rounds, or until it broke often enough."""
        with ExitStack() as exits:
            url = self._database(exits)
            port = self._served(exits, mutant, url)
            rng, seen = random.Random(seed), Seen()
            while seen.rounds < rounds and sum(seen.broken.values()) < enough:
                seen.rounds += 1
                for broken in self._round(mutant, port, url, rng):
                    seen.broken[broken] += 1
            return seen

    def _database(self, exits: ExitStack) -> str:
        """A copy of a database that the service has migrated once."""
        if not self._migrated:
            made = self._created(self._exits, "template0")
            command = [sys.executable, str(self._start), "migrate"]
            environment = self._environment(self._url_of(made), 0)
            subprocess.run(command, env=environment, check=True, timeout=_READY_S)
            self._migrated = made
        return self._url_of(self._created(exits, self._migrated))

    def _created(self, exits: ExitStack, template: str) -> str:
        name = f"mutant_{secrets.token_hex(6)}"
        with psycopg.connect(self._postgres, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

        def dropped() -> None:
            with psycopg.connect(self._postgres, autocommit=True) as again:
                again.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

        exits.callback(dropped)
        return name

    def _url_of(self, database: str) -> str:
        parts = urllib.parse.urlsplit(self._postgres)
        return urllib.parse.urlunsplit(parts._replace(path=f"/{database}"))

    def _environment(self, url: str, port: int) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": url,
            "REDIS_URL": self._redis,
            "STRIPE_API_BASE": self._stripe,
            "STRIPE_API_KEY": _KEY,
            "STRIPE_WEBHOOK_SECRET": "whsec_mutants",
            "PORT": str(port),
            "HOST": "127.0.0.1",
            "JITTER_MS": str(JITTER_MS),
            "RECOVERY_INTERVAL_S": "0",
        }

    def _served(self, exits: ExitStack, mutant: Mutant, url: str) -> int:
        port = _free_port()
        environment = self._environment(url, port)
        command = [sys.executable, str(self._start)]
        log = exits.enter_context((self._start.parent / f"{mutant.name}.log").open("w"))
        service = subprocess.Popen([*command, mutant.name], env=environment, stdout=log, stderr=log)
        exits.callback(_stopped, service)
        deadline = time.monotonic() + _READY_S
        while True:
            with suppress(OSError):
                if _ask(port, "GET", "/healthz")[0]:
                    return port
            if service.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{mutant.name} does not serve; see {log.name}")
            time.sleep(0.05)

    def _round(self, mutant: Mutant, port: int, url: str, rng: random.Random) -> list[str]:
        _, order = _ask(port, "POST", "/orders", {"amount": 4990, "currency": "usd"})
        path = f"/orders/{order['id']}"
        pay = ("POST", f"{path}/payments", {"payment_method": "pm_card_visa"})
        asked = {
            "two_tabs": (pay, pay),
            "pay_vs_cancel": (pay, ("POST", f"{path}/cancel", {})),
        }[mutant.scenario]
        statuses: list[int] = []
        together = threading.Barrier(2)

        def send(verb: str, where: str, body: dict[str, Any], after: float) -> None:
            together.wait()
            time.sleep(after)
            statuses.append(_ask(port, verb, where, body, secrets.token_hex(8))[0])

        naps = (rng.random() * 0.01, rng.random() * 0.01)
        threads = [
            threading.Thread(target=send, args=(*request, nap))
            for request, nap in zip(asked, naps, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._judged(statuses, order["id"], url)

    def _judged(self, statuses: list[int], order: str, url: str) -> list[str]:
        broken = []
        if statuses.count(200) > 1:
            broken.append("two successes")
        if any(status not in (200, 409) for status in statuses):
            broken.append("not a clean answer")
        intents = [
            intent
            for intent in _listed(self._stripe)
            if intent["metadata"].get("order_id") == order
        ]
        paid = sum(intent["status"] == "succeeded" for intent in intents)
        if len(intents) > 1:
            broken.append("two intents")
        with psycopg.connect(url, autocommit=True) as connection:
            (status,) = connection.execute(
                "SELECT payment_status FROM orders WHERE id = %s", (order,)
            ).fetchone()
        if (status == "paid") != (paid == 1):
            broken.append("books and Stripe differ")
        return broken


def _ask(
    port: int, verb: str, path: str, body: dict[str, Any] | None = None, key: str = ""
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    try:
        connection.request(verb, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        told = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(told) if is_json else None
    finally:
        connection.close()


def _listed(stripe: str) -> list[Any]:
    """The newest payment intents at Stripe."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(stripe).netloc)
    headers = {"Authorization": f"Bearer {_KEY}"}
    connection.request("GET", "/v1/payment_intents?limit=20", headers=headers)
    listed = json.loads(connection.getresponse().read())["data"]
    connection.close()
    return listed


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _stopped(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
