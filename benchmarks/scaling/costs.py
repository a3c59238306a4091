"""What one payment costs the service and its database, measured one payment after the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
import psycopg
from processor_time import spent, tree

from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.scenarios.reference import TARGET

_WARM = 30


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one payment: processor time (ms) of database and service, bytes of write-ahead log."""

    guard: str
    database_ms: float
    service_ms: float
    wal_bytes: float


async def costs(guards: Sequence[str], payments: int) -> list[Cost]:
    """Measure ``payments`` payments under each guard, each of an order of its own."""
    measured = []
    async with open_stack(Described(TARGET), Choice()) as stack:
        lane = await stack.lane()
        for guard in guards:
            settings = {"workers": "1", "pool_size": "10", "recovery_interval_s": "0"}
            async with stack.bench(lane, guard, settings) as bench:
                measured.append(await _cost(bench, guard, payments))
    return measured


async def _cost(bench: Bench, guard: str, payments: int) -> Cost:
    orders = [await _order(bench) for _ in range(payments + _WARM)]
    for order in orders[:_WARM]:
        await _pay(bench, order)
    database = _backends(bench)
    service = [process for pid in bench.pids for process in tree(pid)]
    with psycopg.connect(bench.postgres_url, autocommit=True) as eyes:
        began = _counted(eyes)
        worked, served = spent(database), spent(service)
        for order in orders[_WARM:]:
            await _pay(bench, order)
        worked, served = spent(database) - worked, spent(service) - served
        ended = _counted(eyes)
    return Cost(
        guard=guard,
        database_ms=1000 * worked / payments,
        service_ms=1000 * served / payments,
        wal_bytes=(ended - began) / payments,
    )


async def _order(bench: Bench) -> str:
    body = json.dumps({"amount": 1000, "currency": "usd"}).encode()
    return str(json.loads(await _ask(bench, "/orders", body))["id"])


async def _pay(bench: Bench, order: str) -> None:
    await _ask(bench, f"/orders/{order}/payments", b'{"payment_method": "pm_card_visa"}')


async def _ask(bench: Bench, path: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    answer = await bench.service.ask("POST", path, body, headers)
    if answer.status not in (200, 201):
        raise SystemExit(f"{path} was answered {answer.status}: {answer.body[:200]!r}")
    return answer.body


def _counted(eyes: psycopg.Connection[tuple[object, ...]]) -> float:
    """Bytes of write-ahead log that the server has made."""
    row = eyes.execute(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float"
    ).fetchone()
    assert row is not None
    return float(str(row[0]))


def _backends(bench: Bench) -> list[psutil.Process]:
    """The server's process and all it has started."""
    with psycopg.connect(bench.postgres_url) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    assert parent is not None, "the database is not on this machine"
    return tree(parent.pid)
