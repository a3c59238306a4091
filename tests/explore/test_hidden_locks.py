"""The server tells of tables that a statement's text did not."""

from __future__ import annotations

import asyncio

import psycopg

from paidonce.harness.explore.control.hidden_locks import LOOKS, HiddenLocks
from paidonce.harness.explore.footprint.model import LOCAL, Resource
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker

SCHEMA = "CREATE TABLE orders (id int PRIMARY KEY, paid bool); CREATE TABLE stock (n int)"
ORDERS, STOCK = Resource(("pg", "public.orders")), Resource(("pg", "public.stock"))


def run(tracker, sql):
    tracker.expect([Query(sql)])
    return tracker.done()


def on(url, work):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    catalog = read_catalog(url)

    async def main():
        async with (
            await psycopg.AsyncConnection.connect(url, autocommit=True) as eyes,
            await psycopg.AsyncConnection.connect(url, autocommit=True) as service,
        ):
            tracker = TransactionTracker(Footprints(catalog))
            await work(HiddenLocks(eyes, catalog), service, tracker)

    asyncio.run(asyncio.wait_for(main(), 120))


def test_what_the_text_did_not_tell_is_locked_now_and_published_at_the_end(explore_url):
    async def work(hidden, service, tracker):
        run(tracker, "BEGIN")
        run(tracker, "SELECT * FROM orders WHERE id = 1")
        await service.execute("BEGIN")
        await service.execute("SELECT * FROM orders WHERE id = 1")
        await service.execute("UPDATE stock SET n = n - 1")
        extra = await hidden.beyond("select", service.info.backend_pid, tracker)
        assert (extra.looks, extra.locks) == ({STOCK}, {STOCK})
        assert not extra.publishes
        assert tracker.holds_locks
        ending = run(tracker, "COMMIT")
        assert (ending.locks, ending.publishes) == ({STOCK}, {STOCK})
        assert hidden.found == ("select",)

    on(explore_url, work)


def test_a_statement_that_hides_nothing_is_left_alone_after_a_few_looks(explore_url):
    async def work(hidden, service, tracker):
        pid = service.info.backend_pid
        for _ in range(LOOKS):
            await service.execute("BEGIN")
            await service.execute("UPDATE orders SET paid = true WHERE id = 1")
            run(tracker, "BEGIN")
            run(tracker, "UPDATE orders SET paid = true WHERE id = 1")
            assert await hidden.beyond("update", pid, tracker) == LOCAL
            await service.execute("ROLLBACK")
            run(tracker, "ROLLBACK")
        await service.execute("BEGIN")
        await service.execute("UPDATE stock SET n = 0")
        run(tracker, "BEGIN")
        assert await hidden.beyond("update", pid, tracker) == LOCAL
        assert await hidden.beyond("another", pid, tracker) != LOCAL
        assert hidden.found == ("another",)

    on(explore_url, work)


def test_predicate_locks_of_a_transaction_that_is_over_are_nobodys(explore_url):
    async def work(hidden, service, tracker):
        other = await psycopg.AsyncConnection.connect(explore_url, autocommit=True)
        await other.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        await other.execute("SELECT 1")  # the predicate locks of others outlive them for its sake
        await service.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        await service.execute("SELECT * FROM orders")
        await service.execute("UPDATE stock SET n = 1")
        await service.execute("COMMIT")
        await service.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        run(tracker, "BEGIN ISOLATION LEVEL SERIALIZABLE")
        assert await hidden.beyond("begin", service.info.backend_pid, tracker) == LOCAL
        await other.close()

    on(explore_url, work)
