"""How much of what its web framework could do the reference service does, guard by guard.

    python benchmarks/service_limit.py [--seconds 4] [--rounds 3] [--clients 8] [--guards ...]

One run measures everything, in turns: the service with nothing behind its routes (``no-op``: no
database, no Stripe; see ``noop_service.py``), with Stripe alone (``no database``), and each guard
on a real Postgres; Stripe adds no latency, and each payment is of an order of its own. Figures are
medians over the rounds; the factors are those of the medians of throughput. Beside them the
processor time that a payment takes in the service, in Postgres and in Stripe: on a machine with few
processors it is what decides, and it is less noisy than throughput.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from processor_time import spent, tree
from rich.console import Console
from rich.table import Table

from paidonce.harness.errors import PaidonceError
from paidonce.harness.process import event_loop as loop
from paidonce.harness.process.child import Child
from paidonce.harness.process.ports import HOST, HeldPort
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Choice, Lane, Stack, open_stack
from paidonce.scenarios.reference import TARGET

NOOP, NO_DATABASE = "no-op", "no database"
_ORDERS = 40_000
_READY_S = 60.0
_WARMUP_S = 1.0


@dataclass
class Figures:
    """What was measured of one way, a value a round."""

    rate: list[float] = field(default_factory=list)
    service_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)
    stripe_us: list[float] = field(default_factory=list)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--guards", nargs="+", default=[v.name for v in TARGET.variants])
    options.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = options.parse_args()
    for guard in chosen.guards:
        TARGET.variant(guard)
    found = loop.run(_measure(chosen))
    Console().print(_table(found))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({k: v.__dict__ for k, v in found.items()}, indent=1))


async def _measure(chosen: argparse.Namespace) -> dict[str, Figures]:
    found: dict[str, Figures] = {name: Figures() for name in (NOOP, NO_DATABASE, *chosen.guards)}
    async with open_stack(Described(TARGET), Choice()) as stack:
        lane = await stack.lane()
        for _ in range(chosen.rounds):
            for name, figures in found.items():
                bare = name in (NOOP, NO_DATABASE)
                guard = "none" if bare else name
                settings = {"pool_size": str(chosen.clients), "workers": "1"}
                async with stack.bench(lane, guard, settings, tapped=False) as bench:
                    if bench.reset is not None:
                        await asyncio.to_thread(bench.reset)
                    if not bare:
                        await _one(chosen, stack, lane, bench.service_url, bench, figures)
                        continue
                    async with _noop(bench, name) as (url, pid):
                        await _one(chosen, stack, lane, url, bench, figures, pid)
    return found


@asynccontextmanager
async def _noop(bench: Bench, name: str) -> AsyncIterator[tuple[str, int]]:
    with HeldPort() as port:
        given = bench.addresses
        environment = {
            **os.environ,
            "DATABASE_URL": given.postgres_url,
            "STRIPE_API_BASE": given.stripe_url,
            "STRIPE_API_KEY": given.stripe_key,
            "STRIPE_WEBHOOK_SECRET": given.webhook_secret,
            "PAYMENT_GUARD": "none",
            "NOOP": "database" if name == NO_DATABASE else "all",
            "HOST": HOST,
            "PORT": str(port.number),
            "DB_POOL_SIZE": "8",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
        port.release()
        url = f"http://{HOST}:{port.number}"
        script = Path(__file__).with_name("noop_service.py")
        with Child("no-op service", [sys.executable, script], env=environment) as child:
            await asyncio.to_thread(child.wait_for, "serve", lambda: _serves(url), _READY_S)
            yield url, child.pid


def _serves(url: str) -> bool | None:
    try:
        return httpx.get(f"{url}/nothing", trust_env=False).status_code == 200 or None
    except httpx.TransportError:
        return None


async def _one(
    chosen: argparse.Namespace,
    stack: Stack,
    lane: Lane,
    url: str,
    bench: Bench,
    figures: Figures,
    pid: int | None = None,
) -> None:
    orders = iter(await _orders(bench))
    await _clients(url, chosen.clients, _WARMUP_S, orders)
    # Postgres has a process for each connection: those of the pool are there by now.
    processes = (
        tree(pid or bench.pids[0]),
        _server(stack.postgres),
        _server(lane.stripe),
    )
    before = [spent(each) for each in processes]
    began = time.perf_counter()
    paid = await _clients(url, chosen.clients, chosen.seconds, orders)
    seconds = time.perf_counter() - began
    used = [(spent(each) - was) / paid * 1e6 for each, was in zip(processes, before, strict=True)]
    figures.rate.append(paid / seconds)
    for values, value in zip(
        (figures.service_us, figures.postgres_us, figures.stripe_us), used, strict=True
    ):
        values.append(value)


async def _orders(bench: Bench) -> list[str]:
    cursor = await bench.eyes.execute(
        "INSERT INTO orders (id, amount, currency) SELECT gen_random_uuid()::text, 1999, 'usd'"
        " FROM generate_series(1, %s) RETURNING id",
        [_ORDERS],
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def _clients(url: str, number: int, seconds: float, orders: Iterator[str]) -> int:
    """Pay order after order on ``number`` connections; how many were paid."""
    host, _, port = url.removeprefix("http://").partition(":")
    until = time.perf_counter() + seconds
    ends = [_client(host, int(port), until, orders) for _ in range(number)]
    return sum(await asyncio.gather(*ends))


async def _client(host: str, port: int, until: float, orders: Iterator[str]) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    paid = 0
    try:
        while time.perf_counter() < until:
            order = next(orders, None)
            if order is None:
                raise PaidonceError(f"all {_ORDERS} orders are paid; measure for a shorter time")
            writer.write(
                f"POST /orders/{order}/payments HTTP/1.1\r\nHost: {host}\r\n"
                "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            at = lower.index(b"content-length:") + 15
            body = await reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))
            if not head.startswith(b"HTTP/1.1 200"):
                raise PaidonceError(f"a payment was answered {head[:20]!r} {body!r}")
            paid += 1
    finally:
        writer.close()
    return paid


def _server(backend: object) -> list[psutil.Process]:
    """Of a server of ours; of one somewhere else nothing is known."""
    pid = getattr(backend, "pid", None)
    return [] if pid is None else tree(pid)


def _table(found: dict[str, Figures]) -> Table:
    table = Table(title="payments a second, and processor time of one in µs (medians)")
    for name in (
        "",
        "payments/s",
        "least–most",
        "no-op is × as fast",
        "no database is × as fast",
        "service",
        "postgres",
        "stripe",
    ):
        table.add_column(name, justify="left" if not name else "right")
    limit, without = (statistics.median(found[name].rate) for name in (NOOP, NO_DATABASE))
    for name, figures in found.items():
        rate = statistics.median(figures.rate)
        table.add_row(
            name,
            f"{rate:.0f}",
            f"{min(figures.rate):.0f}–{max(figures.rate):.0f}",
            f"{limit / rate:.2f}",
            f"{without / rate:.2f}",
            *(
                f"{statistics.median(values):.0f}"
                for values in (figures.service_us, figures.postgres_us, figures.stripe_us)
            ),
        )
    return table


if __name__ == "__main__":
    main()
