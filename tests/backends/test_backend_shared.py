"""Servers shared by the processes of one test run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psycopg
import pytest
import redis

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    THROWN_AWAY_VARIABLE,
    WORKER_VARIABLE,
    database_name,
    open_shared_postgres,
    open_shared_redis,
    redis_url_of_worker,
    shared_servers,
    worker_name,
    worker_number,
)
from paidonce.harness.errors import UsageError
from paidonce.harness.process.custody import custody

WORKER = """
import json, os
from paidonce.harness.backends.shared import (
    database_name, open_shared_postgres, open_shared_redis, worker_name,
)
with open_shared_postgres() as postgres, open_shared_redis() as store:
    name = database_name("same")
    print(json.dumps([worker_name(), name, postgres.create_database(name), store.url()]))
"""


def databases_of(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_workers_use_the_owners_servers_and_differ() -> None:
    before = custody.tickets
    environment: dict[str, str] = {}
    with shared_servers(environment) as named:
        assert named == environment
        said = []
        for worker in ("gw0", "gw1"):
            done = subprocess.run(
                [sys.executable, "-c", WORKER],
                env={**os.environ, **named, WORKER_VARIABLE: worker},
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
            said.append(json.loads(done.stdout))
        workers, names, urls, stores = zip(*said, strict=True)
        assert workers == ("gw0", "gw1")
        assert len(set(names)) == 2
        server = named[POSTGRES_VARIABLE].rpartition("/")[0]
        assert all(url.startswith(server + "/") for url in urls)
        assert [url.rpartition("/")[2] for url in stores] == ["1", "2"]
        left = databases_of(named[POSTGRES_VARIABLE])
        assert left >= set(names)  # they go when their server does
    assert environment == {}
    assert custody.tickets == before


def test_what_is_named_already_is_used_and_left_alone(
    postgres: EmbeddedPostgres, redis_server: EmbeddedRedis
) -> None:
    before = custody.tickets
    environment = {POSTGRES_VARIABLE: postgres.url(), REDIS_VARIABLE: redis_server.url(5)}
    with shared_servers(environment) as named:
        assert custody.tickets == before
        assert named == {POSTGRES_VARIABLE: postgres.url(), REDIS_VARIABLE: redis_server.url(5)}
    assert environment == named
    with redis.Redis.from_url(redis_server.url()) as client:
        assert client.ping()


def test_a_server_that_goes_on_is_left_as_it_was_found(postgres: EmbeddedPostgres) -> None:
    for environment in (
        {POSTGRES_VARIABLE: postgres.url()},
        {POSTGRES_VARIABLE: postgres.url(), THROWN_AWAY_VARIABLE: "postgresql://127.0.0.1:1/x"},
    ):
        name = database_name("left", environment)
        with open_shared_postgres(environment) as server:
            server.create_database(name)
            assert name in databases_of(postgres.url())
        assert name not in databases_of(postgres.url())


def test_a_worker_empties_its_own_redis_database_only(redis_server: EmbeddedRedis) -> None:
    environments = [
        {REDIS_VARIABLE: redis_server.url(40), WORKER_VARIABLE: name} for name in ("gw3", "gw4")
    ]
    with open_shared_redis(environments[0]) as one, open_shared_redis(environments[1]) as two:
        assert (one.url(), two.url()) == (redis_server.url(44), redis_server.url(45))
        with redis.Redis.from_url(one.url()) as first, redis.Redis.from_url(two.url()) as second:
            first.set("a", 1)
            second.set("a", 1)
            one.flush()
            assert (first.dbsize(), second.dbsize()) == (0, 1)
            two.flush()


def test_without_an_owner_a_process_starts_its_own() -> None:
    before = custody.tickets
    with open_shared_redis({}) as store, open_shared_postgres({}) as server:
        assert (store.kind, server.kind) == ("embedded", "embedded")
    assert custody.tickets == before


def test_database_names_are_unique_short_and_readable() -> None:
    environment = {WORKER_VARIABLE: "gw12"}
    names = [database_name("Pay & cancel " + "x" * 80, environment) for _ in range(200)]
    assert len(set(names)) == 200
    assert all(name.startswith("paidonce_gw12_pay_cancel_x") for name in names)
    assert all(len(name) <= 63 and name.replace("_", "").isalnum() for name in names)


def test_workers_are_numbered() -> None:
    assert worker_name({}) == "main"
    assert worker_number({}) == 0
    assert worker_number({WORKER_VARIABLE: "gw0"}) == 1
    with pytest.raises(UsageError, match=f"{WORKER_VARIABLE}=seven"):
        worker_number({WORKER_VARIABLE: "seven"})
    with pytest.raises(UsageError, match="'cache' is not a database number"):
        redis_url_of_worker("redis://localhost/cache", {})
