"""The physical limit of a guard: what its database does with the same SQL, without the service.

A few payments are made through taps, nobody else being there, and the SQL of two of them becomes a
script of pgbench (``sqlscript``). The first order, as its creation left it, is copied as often as
orders are needed. Before it is measured the script is run once by hand: where the server does not
say the same to every statement as it said to the service, it does not do the same work, and there
is no figure.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from paidonce.harness.backends.wheels import postgres_tool
from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.history import Action, Effect, Header
from paidonce.harness.http.client import NoAnswer, Request, Wire
from paidonce.harness.http.excerpt import said
from paidonce.harness.load.observe.sqlscript import (
    NotReplayable,
    RoundTrip,
    Said,
    Script,
    another,
    numbered,
    script,
)
from paidonce.harness.process.child import Child
from paidonce.harness.process.tempdirs import TempFolder
from paidonce.harness.results.load_observed import Alone, Limit
from paidonce.harness.results.load_run import Load
from paidonce.harness.service.description import creation_request, request_for
from paidonce.harness.service.responses import order_id
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Lane, Stack

ORDERS = 6_000
"""Payments that pgbench makes: a second or two of work."""
_WARM_UP = 7
"""Payments before those that are recorded: drivers prepare a statement after some times only
(psycopg after five)."""
_PATIENCE_S = 60.0
_PGBENCH_S = 300.0


@dataclass(frozen=True)
class _Payment:
    order: str
    effects: tuple[Effect, ...]


async def measure_limit(
    stack: Stack, lane: Lane, variant: str, clients: int, log: Path, orders: int = ORDERS
) -> tuple[Alone | None, Limit]:
    """Return what one payment of ``variant`` sends alone, and how many a second its SQL alone could
    be.

    On a service and a database of their own, made and dropped here, as those of a load run are.
    ``log`` gets what pgbench says. What cannot be measured is said in the limit and raises nothing.
    """
    alone = None
    try:
        settings = {"workers": "1", "pool_size": "1"}
        async with stack.bench(lane, variant, settings, controlled_by=openers()) as bench:
            if bench.reset is not None:
                await bench.reset()
            payments, rows = await _payments(bench)
            alone = _alone(payments[1].effects)
            limit = await asyncio.to_thread(
                _limit, bench.postgres_url, payments, rows, clients, log, orders
            )
    except (PaidonceError, NoAnswer, psycopg.Error, OSError) as error:
        return alone, Limit(why_not=" ".join(str(error).split()))
    return alone, limit


async def _payments(bench: Bench) -> tuple[list[_Payment], list[tuple[str, str]]]:
    """Two payments, and the rows that the first one's order had before it was paid."""
    wire = Wire(bench.service_url)
    try:
        for _ in range(_WARM_UP):
            await _send(wire, _pay(bench, await _new_order(wire, bench)))
        made = []
        rows: list[tuple[str, str]] = []
        for number in range(2):
            order = await _new_order(wire, bench)
            if number == 0:
                rows = await asyncio.to_thread(_rows_of, bench.postgres_url, order)
            memory = Memory(Header(run="alone", scenario="alone", target=bench.target.name))
            bench.bind(memory, None)
            try:
                await _send(wire, _pay(bench, order))
            finally:
                bench.bind(None, None)
            effects = tuple(e for e in memory.events if isinstance(e, Effect))
            made.append(_Payment(order, effects))
        return made, rows
    finally:
        await wire.close()


def _pay(bench: Bench, order: str) -> Request:
    return request_for(bench.target, Action.PAY, order, {}, None)


async def _new_order(wire: Wire, bench: Bench) -> str:
    body = await _send(wire, creation_request(bench.target, 1999, "usd"))
    return order_id(bench.target, body)


async def _send(wire: Wire, request: Request) -> bytes:
    async with asyncio.timeout(_PATIENCE_S):
        answer = await wire.ask(request)
    if not 200 <= answer.status < 300:
        raise NotReplayable(f"{request.path} was answered {answer.status}: {said(answer.body)}")
    return answer.body


def _alone(effects: Sequence[Effect]) -> Alone:
    postgres = [e for e in effects if e.tap == "postgres" and e.request["sql"]]
    statuses = [(e.request["status"], (e.answer or {}).get("status")) for e in postgres]
    return Alone(
        round_trips=len(postgres),
        statements=sum(len(e.request["sql"]) for e in postgres),
        # A transaction ends where none is open any more.
        transactions=sum(after == "I" for _, after in statuses),
        stripe_calls=sum(e.tap == "stripe" for e in effects),
        redis_commands=sum(e.tap == "redis" for e in effects),
    )


def _limit(
    url: str,
    payments: Sequence[_Payment],
    rows: Sequence[tuple[str, str]],
    clients: int,
    log: Path,
    orders: int,
) -> Limit:
    payment, other = payments
    first, second = _round_trips(payment.effects), _round_trips(other.effects)
    with psycopg.connect(url, autocommit=True) as connection:
        texts = {said.sql for trip in first for said in trip if said.params}
        types = {text: _types(connection, text) for text in texts}
        made = script(first, second, (payment.order, other.order), types)
        number = orders - orders % clients
        _copy(connection, rows, payment.order, number + 1)
        _check(connection, made, number + 1)
    rate, failed = _pgbench(url, made, clients, number // clients, log)
    return Limit(payments=round(rate, 2), clients=clients, made=number - failed, failed=failed)


def _round_trips(effects: Sequence[Effect]) -> list[RoundTrip]:
    trips = []
    for effect in sorted((e for e in effects if e.tap == "postgres"), key=lambda e: e.seq):
        answer = effect.answer or {}
        if answer.get("error"):
            raise NotReplayable(f"a payment alone met an error: {answer['error']}")
        texts, tags = effect.request["sql"], list(answer.get("tags", ()))
        if len(tags) != len(texts):
            tags = [""] * len(texts)
        nulls = effect.request.get("nulls", [[] for _ in texts])
        trip = []
        for text, params, null, tag in zip(
            texts, effect.request["params"], nulls, tags, strict=True
        ):
            if any(value is None and at not in null for at, value in enumerate(params)):
                raise NotReplayable(f"a parameter cannot be told in {text[:80]!r}")
            trip.append(Said(text, tuple(params), tag))
        trips.append(tuple(trip))
    return trips


def _types(connection: psycopg.Connection[Any], text: str) -> tuple[str, ...]:
    """The types the server gives to a statement's parameters."""
    connection.execute(sql.SQL("PREPARE paidonce_types AS ") + sql.SQL(text))
    row = connection.execute(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'paidonce_types'"
    ).fetchone()
    connection.execute("DEALLOCATE paidonce_types")
    assert row is not None
    return tuple(row[0])


def _rows_of(url: str, order: str) -> list[tuple[str, str]]:
    """Every row that has the order's id in it: its table, quoted, and itself as JSON."""
    rows = []
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.relkind = 'r'"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            query = (
                f"SELECT to_jsonb(t)::text FROM {table} AS t"  # noqa: S608 - the server quoted it
                " WHERE position(%s IN to_jsonb(t)::text) > 0"
            )
            rows += [(table, row) for (row,) in connection.execute(query, [order]).fetchall()]
    if not rows:
        raise NotReplayable("no table has a row with the id of a new order")
    return rows


def _copy(
    connection: psycopg.Connection[Any], rows: Sequence[tuple[str, str]], order: str, number: int
) -> None:
    """Make orders 1 to ``number`` of the one that was recorded."""
    new = numbered(another(order), "k")
    with connection.transaction():
        for table, row in rows:
            query = (
                f"INSERT INTO {table} SELECT copied.* FROM generate_series(1, %s) AS k,"  # noqa: S608 - see above
                f" LATERAL jsonb_populate_record(NULL::{table},"
                f" replace(%s, %s, {new})::jsonb) AS copied"
            )
            connection.execute(query, [number, row, order])
    for table in {table for table, _ in rows}:
        connection.execute(f"ANALYZE {table}")


def _check(connection: psycopg.Connection[Any], made: Script, number: int) -> None:
    """Run it once. Raises ``NotReplayable`` where the server says something else to it."""
    for text, tag in zip(made.statements, made.tags, strict=True):
        said = connection.execute(numbered(text, str(number))).statusmessage
        if tag and said != tag:
            raise NotReplayable(
                f"the server said {said!r} where it said {tag!r} to the service: {text[:80]!r}"
            )


def _pgbench(url: str, made: Script, clients: int, each: int, log: Path) -> tuple[float, int]:
    """Payments a second, and how many could not be serialized. Raises ``PaidonceError``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    with TempFolder() as folder:
        file = folder.path / "payment.sql"
        file.write_text(made.text(clients))
        arguments = ["-n", "-M", "prepared", "-f", str(file), "-D", "i=0", "-c", str(clients)]
        # What could not be serialized fails: to try again, pgbench would begin with the first of a
        # payment's transactions, and that has been committed.
        arguments += ["-t", str(each), url]
        with Child("pgbench", [postgres_tool("pgbench"), *arguments], log=log) as child:
            code = child.wait(_PGBENCH_S)
            said = child.output
    match = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", said, re.MULTILINE)
    if code != 0 or match is None or not float(match.group(1)):
        raise PaidonceError(f"pgbench ended with exit code {code}; it said: {said[-400:].strip()}")
    return float(match.group(1)), int(failed.group(1)) if failed is not None else 0


def with_limit(load: Load, measured: tuple[Alone | None, Limit] | None) -> Load:
    """``load`` with what was measured of its guard alone, if anything was."""
    if measured is None or load.seen is None:
        return load
    alone, limit = measured
    seen = msgspec.structs.replace(load.seen, alone=alone, limit=limit)
    return msgspec.structs.replace(load, seen=seen)
