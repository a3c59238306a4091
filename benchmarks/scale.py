"""What a million payments a second take, on paper: figures for docs/scale.md.

    pip install simpy; python benchmarks/scale.py [--payments 1000] [--rate 1000000] [--write]

Measures what one payment costs the reference service and its database on this machine, simulates
one shard with these costs (connections, locks on orders, processors, Stripe's latency), and
multiplies. ``--write`` puts the tables into docs/scale.md, between its marks.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from scaling.costs import Cost, costs
from scaling.shard import Seen, Setting, Shard, Way, quantile

from paidonce.harness.process.event_loop import run

_PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
POOL = 100
"""Connections of a shard. PostgreSQL's default is max_connections = 100."""
PROCESSORS = 8
BUSY = 0.6
"""How busy a processor may be in a plan: beyond that, queues grow quickly."""
WAIT_MS = 50.0
"""The wait for a connection that a shard is not to exceed in 99 of 100 payments."""
TRIPS = {"row_lock": 4, "claim": 5}
"""Round trips to the database in one payment, as reports of load count them."""
HOLDS = {"row_lock": True, "claim": False}
_SECONDS = 8.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--payments", type=int, default=1000, help="payments measured per guard")
    options.add_argument("--rate", type=float, default=1e6, help="payments a second to plan for")
    options.add_argument("--trip-ms", type=float, default=0.25, help="one way to the database")
    options.add_argument("--check-us", type=float, default=41.0, help="to judge one operation")
    options.add_argument("--operation-bytes", type=float, default=330.0, help="of a history")
    options.add_argument("--write", action="store_true", help="into docs/scale.md")
    chosen = options.parse_args()
    measured = run(costs(list(HOLDS), chosen.payments))
    ways = [_way(cost, chosen.trip_ms) for cost in measured]
    tables = {
        "costs": _costs(measured),
        "stripe": _against_stripe(ways),
        "hot": _against_contention(ways),
        "plan": _plan(measured, ways, chosen),
        "sampling": _sampling(),
    }
    for name, table in tables.items():
        print(f"{name}\n\n{table}\n")
    if chosen.write:
        _write(tables)


def _way(cost: Cost, trip_ms: float) -> Way:
    return Way(
        name=cost.guard,
        before_ms=cost.database_ms / 2,
        after_ms=cost.database_ms / 2,
        trips_ms=2 * trip_ms * TRIPS[cost.guard],
        holds=HOLDS[cost.guard],
    )


def _costs(measured: Iterable[Cost]) -> str:
    rows = [
        (
            f"`{cost.guard}`",
            f"{cost.database_ms:.2f} ms",
            f"{cost.service_ms:.1f} ms",
            f"{cost.wal_bytes / 1000:.1f} kB",
        )
        for cost in measured
    ]
    head = ("guard", "database's processor", "service's processor", "write-ahead log")
    where = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    return f"{_table(head, rows)}\n\nMeasured on one machine ({where})."


def _against_stripe(ways: Iterable[Way]) -> str:
    head = ("Stripe's median", *(f"`{way.name}`, payments a second" for way in ways), "ratio")
    rows = []
    for stripe_ms in (50.0, 100.0, 300.0, 1000.0):
        most = [_most(way, stripe_ms) for way in ways]
        cells = (f"{rate:,.0f}" for rate in most)
        rows.append((f"{stripe_ms:g} ms", *cells, f"1 : {most[-1] / most[0]:.0f}"))
    return _table(head, rows)


def _most(way: Way, stripe_ms: float) -> float:
    """The highest rate a shard carries, within a twentieth: its processors are no busier than
    ``BUSY``, and p99 of the wait for a connection is under ``WAIT_MS``."""
    low = 1.0
    # More than its processors are to carry, or its connections can (Little's law).
    busy_ms = way.before_ms + way.after_ms
    held_ms = busy_ms + way.trips_ms + (stripe_ms if way.holds else 0.0)
    high = 1000 * min(BUSY * PROCESSORS / busy_ms, POOL / held_ms)
    while high / low > 1.05:
        rate = math.sqrt(low * high)
        if quantile(_simulated(way, rate, stripe_ms).pool_waits, 0.99) > WAIT_MS:
            high = rate
        else:
            low = rate
    return low


def _simulated(way: Way, rate: float, stripe_ms: float = 300.0, **more: float) -> Seen:
    # Enough payments for a p99, and long enough for queues to form.
    seconds = max(_SECONDS, 1000 / rate) if rate < 2000 else 4.0
    setting = Setting(
        rate=rate,
        seconds=seconds,
        pool=POOL,
        processors=PROCESSORS,
        stripe_ms=stripe_ms,
        **more,  # type: ignore[arg-type]
    )
    return Shard(way, setting).run()


def _against_contention(ways: Iterable[Way]) -> str:
    head = (
        "clicks twice",
        "guard",
        "paid a second",
        "refused",
        "connections at most",
        "p99 of the wait for one",
    )
    rows = []
    for twice in (0.02, 0.2, 0.5):
        for way in ways:
            seen = _simulated(way, 180.0, twice=twice)
            rows.append(
                (
                    f"{twice:.0%}",
                    f"`{way.name}`",
                    f"{seen.goodput:.0f}",
                    f"{seen.refused / seen.asked:.0%}",
                    f"{seen.held_most} of {POOL}",
                    f"{quantile(seen.pool_waits, 0.99):.0f} ms",
                )
            )
    return _table(head, rows)


def _plan(measured: list[Cost], ways: list[Way], chosen: argparse.Namespace) -> str:
    rate = chosen.rate
    columns = []
    for cost, way in zip(measured, ways, strict=True):
        most = _most(way, 300.0)
        held_ms = cost.database_ms + way.trips_ms + (340.0 if way.holds else 0.0)
        columns.append(
            (
                f"{rate / 100:,.0f}",
                f"{rate * held_ms / 1000:,.0f}",
                f"{rate / most:,.0f}",
                f"{rate * cost.database_ms / 1000 / BUSY:,.0f}",
                f"{rate * cost.service_ms / 1000 / BUSY:,.0f}",
                f"{rate * cost.wal_bytes / 1e9:.1f} GB/s",
                f"{rate * 1.02 * chosen.check_us / 1e6 / BUSY:,.0f}",
                f"{rate * 1.02 * chosen.operation_bytes / 1e9:.2f} GB/s",
            )
        )
    names = (
        "times Stripe's default limit of 100 requests a second",
        "database connections in use at a time (Little's law, Stripe at 340 ms on average)",
        f"shards of {POOL} connections and {PROCESSORS} processors (simulated, Stripe at 300 ms)",
        f"database processors, {BUSY:.0%} busy",
        f"processors of the reference service, {BUSY:.0%} busy",
        "write-ahead log",
        f"processors that judge every operation, {BUSY:.0%} busy",
        "history",
    )
    rows = list(zip(names, *columns, strict=True))
    return _table(("", *(f"`{way.name}`" for way in ways)), rows)


def _sampling() -> str:
    head = ("share of orders judged", "1 in 10⁶ payments taken twice", "1 in 10⁹", "1 in 10¹²")
    rows = []
    for share in (1.0, 0.1, 0.01, 0.001):
        cells = []
        for wrong in (1e-6, 1e-9, 1e-12):
            # They come at random (Poisson), and none of those looked at in so long is one with a
            # chance of 1 %.
            cells.append(_duration(-math.log(0.01) / (share * wrong * 1e6)))
        rows.append((f"{share:.1%}", *cells))
    return _table(head, rows)


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _write(tables: dict[str, str]) -> None:
    text = _PAGE.read_text()
    for name, table in tables.items():
        mark = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        text, changed = mark.subn(lambda m, t=table: f"{m[1]}{t}\n{m[2]}", text)  # type: ignore[misc]
        if changed != 1:
            raise SystemExit(f"{_PAGE} has no place marked for the table {name!r}")
    _PAGE.write_text(text)


if __name__ == "__main__":
    main()
