"""Payment intents a second: the simulator beside stripe-mock and localstripe, in one run.

    python benchmarks/stripe_rate.py [--seconds 4] [--rounds 3] [--clients 8] [--pay]
        [--objects 1000000]

The servers take turns within every round, so that what else the machine does meets all of them;
figures are medians over the rounds, and so are ratios, each of two servers in the same round.
Processor time per request is shown beside the rate: it is the least noisy of the figures, and
stripe-mock may use every processor where the others use one.

With ``--pay`` each intent is confirmed by the request that makes it, with a card that pays. With
``--objects`` the simulator is then filled up to that many payment intents, and its rate and
memory are measured on the way. What is not installed is left out, and named; localstripe is
installed from PyPI where it is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import psutil
import uvloop
from processor_time import spent
from rich.console import Console
from rich.table import Table

from paidonce.harness.backends.localstripe import LocalStripe
from paidonce.harness.backends.stripe_mock import MockStripe
from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.errors import Unavailable
from paidonce.harness.process.ports import HOST

_BODY = b"amount=1000&currency=usd&payment_method_types[]=card"
_PAY = _BODY + b"&confirm=true&payment_method=pm_card_visa"
_Stripe = SimulatedStripe | MockStripe | LocalStripe
_KINDS: tuple[type[_Stripe], ...] = (SimulatedStripe, MockStripe, LocalStripe)


@dataclass
class Server:
    """One server under load."""

    name: str
    port: int
    pid: int
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


class _Client(asyncio.Protocol):
    """One connection that sends the next request when it has the answer to the last."""

    def __init__(self, request: bytes, load: _Load) -> None:
        self._request = request
        self._load = load
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
        elif not self._buffer.endswith(b"0\r\n\r\n"):  # chunked, and not at its end
            return
        if not head.startswith(b"http/1.1 200"):
            self._load.failed(self._buffer[:200])
            return
        self._buffer = b""
        if self._load.answered(time.perf_counter() - self._began):
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._load.over.done():
            self._load.failed(f"the connection was closed ({error})".encode())

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]


class _Load:
    """Counts answers until the time or the number is reached."""

    def __init__(self, seconds: float | None, count: int | None) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count = count
        self.latencies: list[float] = []
        self.done = 0
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self._end)

    def answered(self, seconds: float) -> bool:
        self.done += 1
        if self._count is None or self.done % 16 == 0:
            self.latencies.append(seconds)
        if self.done == self._count:
            self._end()
        return not self.over.done()

    def failed(self, said: bytes) -> None:
        if not self.over.done():
            self.over.set_exception(RuntimeError(said.decode("latin-1")))

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def _drive(
    port: int, clients: int, body: bytes, seconds: float | None, count: int | None
) -> dict[str, float]:
    request = (
        b"POST /v1/payment_intents HTTP/1.1\r\nHost: stripe\r\n"
        b"Authorization: Bearer sk_test_paidonce\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    load = _Load(seconds, count)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: _Client(request, load), HOST, port)
        for _ in range(clients)
    ]
    await load.over
    took = time.perf_counter() - began
    for transport, _ in pairs:
        transport.abort()
    found = sorted(load.latencies)
    return {
        "done": load.done,
        "seconds": took,
        "p50_ms": found[len(found) // 2] * 1000,
        "p99_ms": found[int(len(found) * 0.99)] * 1000,
    }


def _load(
    server: Server,
    clients: int,
    body: bytes,
    *,
    seconds: float | None = None,
    count: int | None = None,
) -> dict[str, float]:
    """Load from a process of its own, so that it does not share the servers' interpreter."""
    wanted = json.dumps([server.port, clients, body.decode(), seconds, count])
    ended = subprocess.run(
        [sys.executable, __file__, "--drive", wanted], capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise SystemExit(f"{server.name}: {ended.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def _measure(server: Server, clients: int, seconds: float, body: bytes) -> None:
    process = [psutil.Process(server.pid)]
    before = spent(process)
    found = _load(server, clients, body, seconds=seconds)
    server.rates.append(found["done"] / found["seconds"])
    server.cpu_us.append((spent(process) - before) / found["done"] * 1e6)
    server.p50_ms.append(found["p50_ms"])
    server.p99_ms.append(found["p99_ms"])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--pay", action="store_true")
    options.add_argument("--objects", type=int, default=0)
    options.add_argument("--drive", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.drive:
        port, clients, body, seconds, count = json.loads(chosen.drive)
        print(json.dumps(uvloop.run(_drive(port, clients, body.encode(), seconds, count))))
        return
    console = Console()
    body = _PAY if chosen.pay else _BODY
    with ExitStack() as stack:
        servers = []
        for kind in _KINDS:
            try:
                servers.append(_server(kind(), stack))
            except Unavailable as error:
                console.print(f"left out: {error}")
        for server in servers:
            _load(server, chosen.clients, body, seconds=1)  # warmed up
        for _ in range(chosen.rounds):
            for server in servers:
                _measure(server, chosen.clients, chosen.seconds, body)
        console.print(_table(servers, chosen.clients, "paid" if chosen.pay else "made"))
        load = ", ".join(f"{value:.1f}" for value in psutil.getloadavg())
        console.print(f"{psutil.cpu_count()} processors, load average {load}")
    if chosen.objects:
        with ExitStack() as stack:
            server = _server(SimulatedStripe(), stack)
            _grow(server, chosen.objects, chosen.clients, console)


def _table(servers: list[Server], clients: int, what: str) -> Table:
    title = f"POST /v1/payment_intents, {what}, {clients} connections"
    table = Table(title=title, title_justify="left")
    table.add_column("server")
    for name in ("a second", "of stripe-mock", "µs cpu each", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right")
    mock = next((server for server in servers if server.name == "stripe-mock"), None)
    for server in servers:
        ratio = ""
        if mock is not None:
            pairs = zip(server.rates, mock.rates, strict=True)
            ratio = f"{statistics.median(mine / theirs for mine, theirs in pairs):.2f}"
        table.add_row(
            server.name,
            f"{statistics.median(server.rates):.0f}",
            ratio,
            f"{statistics.median(server.cpu_us):.0f}",
            f"{statistics.median(server.p50_ms):.2f}",
            f"{statistics.median(server.p99_ms):.2f}",
        )
    return table


def _grow(server: Server, objects: int, clients: int, console: Console) -> None:
    """Fill one simulator, measuring at every power of ten."""
    process = psutil.Process(server.pid)
    empty = process.memory_info().rss
    table = Table(title="The simulator as it fills", title_justify="left")
    for name in ("intents stored", "a second", "µs cpu each", "p99 ms", "MB", "bytes per intent"):
        table.add_column(name, justify="right")
    stored, target = 0, 1000
    while stored < objects:
        target = min(target, objects)
        cpu = spent([process])
        found = _load(server, clients, _BODY, count=target - stored)
        cpu = spent([process]) - cpu
        rss = process.memory_info().rss
        table.add_row(
            f"{target:,}",
            f"{found['done'] / found['seconds']:.0f}",
            f"{cpu / found['done'] * 1e6:.0f}",
            f"{found['p99_ms']:.2f}",
            f"{rss / 1e6:.0f}",
            f"{(rss - empty) / target:.0f}",
        )
        stored, target = target, target * 10
    found = _load(server, clients, _PAY, count=2000)
    console.print(table)
    console.print(
        f"paying at once (intent, charge, balance transaction, three events): "
        f"{found['done'] / found['seconds']:.0f} a second at {stored:,} stored"
    )


def _server(stripe: _Stripe, exits: ExitStack) -> Server:
    exits.enter_context(stripe)
    return Server(stripe.kind, stripe.port, stripe.pid)


if __name__ == "__main__":
    main()
