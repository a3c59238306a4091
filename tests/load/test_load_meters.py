"""What was seen of the servers: counted by real ones, split into parts by Little's law."""

from __future__ import annotations

import time
import uuid
from contextlib import closing

import httpx
import psycopg
import pytest
import redis
from load_runs import until

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.load.analyse.spending import spent
from paidonce.harness.load.analyse.timing import durations, means
from paidonce.harness.load.observe.meters import (
    BUSY_S,
    CALLS,
    COMMANDS,
    READS,
    Meters,
    Watched,
    rates,
    redis_server,
    simulator,
)
from paidonce.harness.load.observe.sampler import Locks, Sample, Sampler, summarise_samples
from paidonce.harness.results.load_observed import Counted, Sessions, Timeline, Where

NS = 1_000_000_000


def sample(t: int, locks: Locks | None = None, **sessions: int) -> Sample:
    kinds = {kind.replace("_", " "): number for kind, number in sessions.items()}
    return Sample(t=t, sessions=kinds, commits=0, rollbacks=0, deadlocks=0, locks=locks)


def sessions(**means: float) -> Sessions:
    kinds = {kind.replace("__", ": ").replace("_", " "): mean for kind, mean in means.items()}
    return Sessions(samples=1, interval_ms=1, means=kinds, timeline=Timeline(step_ms=1, series={}))


def test_a_transaction_left_open_is_a_connection_held(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database(name := f"held_{uuid.uuid4().hex[:8]}")
    with psycopg.connect(url) as held, Sampler(url, interval=0.005) as sampler:
        held.execute("SELECT 1")
        until(
            "the open transaction",
            lambda: (
                bool(sampler.samples)
                and sampler.samples[-1].sessions.get("idle in transaction") == 1
            ),
        )
        held.rollback()
        until("its end", lambda: sampler.samples[-1].sessions == {"idle": 1})
    postgres.drop_database(name)


def test_lock_requests_are_seen_by_kind_and_with_their_age(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database(name := f"locked_{uuid.uuid4().hex[:8]}")
    with psycopg.connect(url) as holder, psycopg.connect(url) as waiter:
        holder.execute("SELECT pg_advisory_xact_lock(7)")
        waiter.execute("SET lock_timeout = '60s'")
        with Sampler(url, interval=0.005) as sampler:
            waiter.pgconn.send_query(b"SELECT pg_advisory_xact_lock(7)")
            until(
                "a look at the wait",
                lambda: any(
                    one.locks is not None
                    and one.locks.waiting == {"advisory ExclusiveLock": 1}
                    and (one.locks.longest_ms or 0) > 0
                    for one in sampler.samples
                ),
            )
        holder.rollback()
        waiter.pgconn.finish()
    postgres.drop_database(name)


def test_errors_are_counted_by_sqlstate_database_and_time(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database(name := f"errors_{uuid.uuid4().hex[:8]}")
    began = time.time()
    with psycopg.connect(url, autocommit=True) as connection:
        for text in ("SELECT 1/0", "SELECT 1/0", "SELECT nothing"):
            with pytest.raises(psycopg.Error):
                connection.execute(text)
    until("the log", lambda: sum(postgres.errors(name, began, time.time() + 1).values()) == 3)
    assert postgres.errors(name, began, time.time() + 1) == {"22012": 2, "42703": 1}
    assert postgres.errors(name, began - 60, began - 1) == {}
    assert postgres.errors("postgres", began, time.time() + 1) == {}
    postgres.drop_database(name)


def test_a_timeline_has_means_and_repeats_what_nobody_looked_at() -> None:
    looks = (
        sample(0, running=4),
        sample(1 * NS, Locks({"tuple X": 2}, 3.5), running=2),
        sample(9 * NS, Locks({}, None), idle_in_transaction=3),
    )
    found = summarise_samples(looks, 0, 12 * NS).sessions
    assert found.timeline.step_ms == 4000
    assert found.timeline.series == {
        "idle in transaction": (0, 0, 3),
        "running": (3, 3, 0),
    }
    assert found.means == {"idle in transaction": 1, "running": 2}
    assert found.locks == {"tuple X": 1}
    assert found.longest_lock_wait_ms == 3.5
    assert (found.held, found.working, found.waiting) == (1, 2, 0)


def test_what_a_simulator_answered_is_counted() -> None:
    with SimulatedStripe() as stripe:
        look = simulator(stripe.url)
        before = look()
        for _ in range(3):
            httpx.get(f"{stripe.url}/v1/charges", auth=(stripe.api_key, ""), timeout=60)
        after = look()
    assert after[CALLS] - before[CALLS] == 3
    assert after[BUSY_S] > before[BUSY_S]


def test_commands_of_redis_are_counted_without_the_looks() -> None:
    with (
        EmbeddedRedis() as server,
        closing(redis.Redis.from_url(server.url())) as client,
        closing(redis.Redis.from_url(server.url())) as ours,
    ):
        client.ping()
        ours.ping()
        look = redis_server(ours)
        before, again = look(), look()
        assert again == before
        with client.pipeline(transaction=False) as pipeline:
            pipeline.set("a", 1).get("a").execute()
        after = look()
    assert after[COMMANDS] - before[COMMANDS] == 2
    assert after[READS] - before[READS] == 1


def test_meters_say_rates_of_the_window_and_nothing_of_a_server_that_is_gone() -> None:
    numbers = iter(range(1_000_000))

    def gone() -> dict[str, float]:
        raise OSError("gone")

    watched = Watched(stripe=lambda: {CALLS: next(numbers), BUSY_S: 0.0}, redis=gone)
    start = time.monotonic_ns()
    with Meters(watched, interval=0.001) as meters:
        until("some readings", lambda: next(numbers) > 5)
    found = meters.counted(start, time.monotonic_ns() + 1)
    assert found.stripe_calls is not None
    assert found.stripe_calls > 0
    assert (found.redis_commands, found.redis_round_trips) == (None, None)
    assert Meters(Watched()).counted(0, 1) == Counted()


def test_a_rate_is_between_the_first_reading_and_the_last() -> None:
    readings = [(1 * NS, {"n": 10.0}), (2 * NS, {"n": 11.0}), (5 * NS, {"n": 18.0})]
    assert rates(readings) == {"n": 2.0}
    assert rates(readings[:1]) == {}


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ("pool;dur=1.5, db;dur=2", {"pool": 1.5, "database": 2.0}),
        ('stripe;desc="a, b; dur=9";dur=3', {"stripe": 3.0}),
        ("miss, cache;desc=x, db;dur=x", {}),
        ('DB ; dur = "4.25" , db;dur=5', {"database": 4.25}),
    ],
)
def test_server_timing_is_read_as_the_recommendation_has_it(
    header: str, found: dict[str, float]
) -> None:
    assert durations(header) == found


def test_who_does_not_name_a_metric_spent_nothing_there() -> None:
    assert means(["lock;dur=4", "stripe;dur=1"]) == {"lock": 2.0, "stripe": 0.5}
    assert means([]) == {}


def test_a_request_s_parts_are_as_told_and_locks_as_seen() -> None:
    found = spent(
        payment_ms=20,
        told_ms={"pool": 2, "database": 8, "stripe": 5, "other": 100},
        operation_ms=99,
        operations=10,
        sessions=sessions(Lock__tuple=3, running=1),
        counted=Counted(),
    )
    assert found.of == "payment"
    assert {part.where: (part.ms, part.told) for part in found.parts} == {
        Where.POOL: (2, True),
        Where.LOCK: (6, False),
        Where.DATABASE: (2, True),
        Where.STRIPE: (5, True),
        Where.SERVICE: (5, False),
    }
    assert sum(part.ms for part in found.parts) == found.ms == 20


def test_a_service_that_tells_nothing_is_seen_by_little_s_law() -> None:
    found = spent(
        payment_ms=None,
        told_ms={},
        operation_ms=50,
        operations=100,
        sessions=sessions(Lock__tuple=2, running=0.5, idle_in_transaction=9, idle=4),
        counted=Counted(stripe_calls=50, stripe_ms=30),
    )
    assert found.of == "operation"
    assert {part.where: part.ms for part in found.parts} == {
        Where.LOCK: 20,
        Where.DATABASE: 5,
        Where.STRIPE: 15,
        Where.SERVICE: 10,
    }


def test_parts_never_add_up_to_more_than_there_is() -> None:
    found = spent(
        payment_ms=None,
        told_ms={},
        operation_ms=10,
        operations=100,
        sessions=sessions(Lock__tuple=5),
        counted=Counted(stripe_calls=100, stripe_ms=3),
    )
    assert [(part.where, part.ms) for part in found.parts] == [
        (Where.LOCK, 10),
        (Where.DATABASE, 0),
        (Where.STRIPE, 0),
        (Where.SERVICE, 0),
    ]
