"""Lists by customer and searches: how long they take as the simulator fills.

    python benchmarks/stripe_lists.py [--objects 100000] [--calls 30] [--against PYTHON MODULE]

``--against`` names the interpreter of another build and the module that serves its simulator; both
are asked in turns, in one run. Intents are put there as a saved state, a hundred for each customer.
Medians in milliseconds, each of a whole request on a warm connection.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import psutil
from rich.console import Console
from rich.table import Table

_KEY = {"authorization": "Bearer sk_test_paidonce"}
_CONTROL = {"paidonce-control": "1"}
_EACH = 100
"""Intents of one customer."""


@contextmanager
def _served(python: str, module: str) -> Iterator[httpx.Client]:
    argv = [python, "-P", "-m", module, "--port", "0", "--stop-on-stdin-eof"]
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=elsewhere
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
            with httpx.Client(base_url=url, timeout=600) as client:
                yield client
        finally:
            server.stdin.close()


def _fill(client: httpx.Client, objects: int) -> None:
    """Put that many intents there, each with metadata of its own."""
    client.post("/_control/reset", headers=_CONTROL).raise_for_status()
    customer = client.post("/v1/customers", headers=_KEY).json()
    made = {"amount": "1000", "currency": "usd", "customer": customer["id"]}
    intent = client.post("/v1/payment_intents", headers=_KEY, data=made).json()
    state: dict[str, Any] = client.get("/_control/state", headers=_CONTROL).json()
    customers = range(max(1, objects // _EACH))
    state["customers"] = [{**customer, "id": f"cus_{one}"} for one in customers]
    state["events"] = []
    state["intents"] = [
        {
            **intent,
            "id": f"pi_{one}",
            "customer": f"cus_{one % len(customers)}",
            "metadata": {"order_id": f"o-{one}"},
        }
        for one in range(objects)
    ]
    client.post("/_control/state", headers=_CONTROL, json=state).raise_for_status()


def _listed(client: httpx.Client, objects: int, number: int) -> int:
    customer = f"cus_{number * 7 % max(1, objects // _EACH)}"
    found = client.get("/v1/payment_intents", params={"customer": customer}, headers=_KEY)
    return len(found.json()["data"])


def _searched(client: httpx.Client, objects: int, number: int) -> int:
    query = f"metadata['order_id']:'o-{number * 7919 % objects}'"
    found = client.get("/v1/payment_intents/search", params={"query": query}, headers=_KEY)
    return len(found.json()["data"])


_WORK: dict[str, tuple[Callable[[httpx.Client, int, int], int], int]] = {
    "list by customer": (_listed, 10),
    "search by metadata": (_searched, 1),
}


def _measure(servers: list[httpx.Client], objects: int, calls: int, work: str) -> list[float]:
    """The median of each server in milliseconds, asked in turns."""
    ask, expected = _WORK[work]
    took: list[list[float]] = [[] for _ in servers]
    for number in range(-2, calls):  # two to be warm
        for server, times in zip(servers, took, strict=True):
            began = time.perf_counter()
            found = ask(server, objects, abs(number))
            if number >= 0:
                times.append(time.perf_counter() - began)
            if found != expected:
                raise SystemExit(f"{work}: found {found} of {objects}, expected {expected}")
    return [statistics.median(times) * 1000 for times in took]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--objects", type=int, default=100_000)
    options.add_argument("--calls", type=int, default=30)
    options.add_argument("--against", nargs=2, metavar=("PYTHON", "MODULE"))
    chosen = options.parse_args()
    builds = [(sys.executable, "paidonce.harness.simulator")]
    if chosen.against:
        builds.append(tuple(chosen.against))
    table = Table(title="One request, ms", title_justify="left")
    for name in ("intents stored", "work", *("here", "there", "times")[: 2 * len(builds) - 1]):
        table.add_column(name, justify="right")
    with ExitStack() as stack:
        servers = [stack.enter_context(_served(*build)) for build in builds]
        objects = 1000
        while objects <= chosen.objects:
            for server in servers:
                _fill(server, objects)
            for work in _WORK:
                found = _measure(servers, objects, chosen.calls, work)
                ratio = [f"{found[1] / found[0]:.1f}"] if len(found) > 1 else []
                table.add_row(f"{objects:,}", work, *(f"{ms:.2f}" for ms in found), *ratio)
            objects *= 10
    console = Console()
    console.print(table)
    load = ", ".join(f"{value:.1f}" for value in psutil.getloadavg())
    console.print(f"{psutil.cpu_count()} processors, load average {load}")


if __name__ == "__main__":
    main()
