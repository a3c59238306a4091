"""The sampler sees real waits, rollbacks and deadlocks of a real Postgres."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from load_runs import until

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.errors import Unavailable
from paidonce.harness.load.observe.sampler import Sampler, SamplerFailed, summarise_samples


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"sampled_{uuid.uuid4().hex[:8]}"
    url = postgres.create_database(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int PRIMARY KEY, paid int)")
        connection.execute("INSERT INTO orders VALUES (1, 0), (2, 0)")
    yield url
    postgres.drop_database(name)


def test_waiting_for_a_row_is_seen_while_it_lasts(database: str) -> None:
    with (
        psycopg.connect(database) as holder,
        psycopg.connect(database) as waiter,
        Sampler(database, interval=0.005) as sampler,
    ):
        until("the first sample", lambda: len(sampler.samples) > 0)
        assert sampler.samples[-1].waiting == 0
        holder.execute("SELECT * FROM orders WHERE id = 1 FOR UPDATE")
        thread = threading.Thread(
            target=waiter.execute, args=("SELECT * FROM orders WHERE id = 1 FOR UPDATE",)
        )
        thread.start()
        until("a sample of the wait", lambda: sampler.samples[-1].waiting == 1)
        waiting_from = sampler.samples[-1].t
        seen = len(sampler.samples)
        until("ten more samples", lambda: len(sampler.samples) > seen + 10)
        waiting_to = sampler.samples[-1].t
        holder.rollback()
        thread.join()
        until("the end of the wait", lambda: sampler.samples[-1].waiting == 0)
    found = summarise_samples(sampler.samples, waiting_from, waiting_to)
    assert found.lock_waits == 1
    assert found.lock_wait_share == 1


def test_rollbacks_and_deadlocks_are_counted(database: str) -> None:
    with Sampler(database, interval=0.005) as sampler:
        until("the first sample", lambda: len(sampler.samples) > 0)
        with psycopg.connect(database) as one, psycopg.connect(database) as two:
            one.execute("SET deadlock_timeout = '10ms'")
            two.execute("SET deadlock_timeout = '10ms'")
            one.execute("UPDATE orders SET paid = 1 WHERE id = 1")
            two.execute("UPDATE orders SET paid = 1 WHERE id = 2")
            errors: list[Exception] = []

            def cross(connection: psycopg.Connection, row: int) -> None:
                try:
                    connection.execute("UPDATE orders SET paid = 2 WHERE id = %s", [row])
                except psycopg.errors.DeadlockDetected as error:
                    errors.append(error)

            thread = threading.Thread(target=cross, args=(one, 2))
            thread.start()
            cross(two, 1)
            thread.join()
            assert len(errors) == 1
            one.rollback()
            two.rollback()
        # Sessions report their counters when they end, at the latest.
        until("the deadlock in the counters", lambda: sampler.samples[-1].deadlocks == 1)
        until(
            "both rollbacks in the counters",
            lambda: sampler.samples[-1].rollbacks - sampler.samples[0].rollbacks >= 2,
        )
    found = summarise_samples(sampler.samples, sampler.samples[0].t, sampler.samples[-1].t + 1)
    assert found.deadlocks == 1
    assert found.rollbacks >= 2


def test_other_databases_do_not_count(database: str, postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url("postgres")) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(42)")
        with psycopg.connect(postgres.url("postgres")) as waiter:
            thread = threading.Thread(
                target=waiter.execute, args=("SELECT pg_advisory_xact_lock(42)",)
            )
            thread.start()
            with Sampler(database, interval=0.005) as sampler:
                until("some samples", lambda: len(sampler.samples) > 10)
            holder.rollback()
            thread.join()
    assert {sample.waiting for sample in sampler.samples} == {0}


def test_it_samples_at_its_interval_and_stops(database: str) -> None:
    with Sampler(database, interval=0.02) as sampler:
        until("twenty samples", lambda: len(sampler.samples) >= 20)
    gaps = [b.t - a.t for a, b in zip(sampler.samples, sampler.samples[1:], strict=False)]
    # A busy machine makes it slower, nothing makes it quicker.
    assert 0.01 < sorted(gaps)[len(gaps) // 2] / 1e9 < 1
    assert not sampler._thread.is_alive()
    sampling = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'paidonce sampler' "
        "AND datname = current_database()"
    )
    with psycopg.connect(database, autocommit=True) as connection:
        until("its session to be gone", lambda: not connection.execute(sampling).rowcount)


def test_a_broken_connection_is_reported_not_hidden(database: str) -> None:
    def break_it() -> None:
        with Sampler(database, interval=0.005) as sampler:
            until("the first sample", lambda: len(sampler.samples) > 0)
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'paidonce sampler' AND datname = current_database()"
                )
            sampler._thread.join(120)

    with pytest.raises(SamplerFailed, match="watching Postgres"):
        break_it()


def test_an_unreachable_database_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="watch for lock waits"):
        Sampler("postgresql://nobody@127.0.0.1:1/none")
