"""What people write to choose a backend, and what they are told when it is wrong."""

from __future__ import annotations

import socket

import psycopg
import pytest
import redis
from psycopg import sql

from paidonce.harness.backends import open_postgres, open_redis, open_stripe, postgres_admin
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.postgres_url import UrlPostgres
from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.backends.shared import database_name
from paidonce.harness.errors import PaidonceError, Unavailable, UsageError


@pytest.fixture
def closed_port() -> int:
    """A port nothing listens on: bound, so that nobody else takes it while we look."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize(
    ("opener", "choices"),
    [
        (open_postgres, "embedded, container, or a URL"),
        (open_redis, "embedded, container, or a URL"),
        (open_stripe, "simulator, stripe-mock, stripe-mock-container, localstripe, or a URL"),
    ],
)
@pytest.mark.parametrize("spec", ["", "Embedded", "sqlite", "localhost:5432"])
@pytest.mark.usefixtures("no_stripe_settings")
def test_an_unknown_spec_lists_the_choices(opener, choices: str, spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        opener(spec)
    assert choices in str(caught.value)
    assert repr(spec) in str(caught.value)


@pytest.mark.parametrize(
    ("opener", "url", "said"),
    [
        (open_postgres, "mysql://localhost/db", "scheme 'mysql' is not known"),
        (open_postgres, "postgresql:///db", "names no host"),
        (open_postgres, "postgresql://localhost:99999/db", "Port out of range"),
        (open_postgres, "postgresql://localhost:port/db", "expected postgresql://"),
        (open_postgres, "postgresql://localhost:0/db", "port 0"),
        (open_redis, "http://localhost", "expected redis:// or rediss://"),
        (open_redis, "redis:///0", "names no host"),
        (open_redis, "redis://localhost/cache", "'cache' is not a database number"),
        (open_stripe, "ftp://localhost", "scheme 'ftp' is not known"),
        (open_stripe, "http://", "names no host"),
        (open_stripe, "http://localhost?x=1", "without ? or #"),
        (open_stripe, "http://api.stripe.com", "https:// only"),
        (open_stripe, "http://[::1", "Invalid IPv6 URL"),
    ],
)
@pytest.mark.usefixtures("no_stripe_settings")
def test_a_malformed_url_is_one_clear_message(opener, url: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        opener(url)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("opener", "url", "remedy"),
    [
        (open_postgres, "postgresql://me:hidden@127.0.0.1:{port}/db", "'embedded'"),
        (open_redis, "redis://:hidden@127.0.0.1:{port}/0", "'embedded'"),
        (open_stripe, "http://me:hidden@127.0.0.1:{port}", "'simulator'"),
    ],
)
@pytest.mark.usefixtures("no_stripe_settings")
def test_nothing_answering_is_unavailable_and_shows_no_password(
    opener, url: str, remedy: str, closed_port: int
) -> None:
    with pytest.raises(Unavailable) as caught:
        opener(url.format(port=closed_port))
    message = str(caught.value)
    assert f":***@127.0.0.1:{closed_port}" in message
    assert remedy in message
    assert "hidden" not in message
    assert "\n" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_postgres_url_is_used_and_left_running(postgres: EmbeddedPostgres) -> None:
    kept = database_name("kept")
    postgres.create_database(kept)
    with open_postgres(postgres.url()) as server:
        assert (server.kind, server.version) == ("url", postgres.version)
        template = database_name("template")
        with psycopg.connect(server.create_database(template), autocommit=True) as connection:
            connection.execute("CREATE TABLE here ()")
        clone = database_name("clone")
        with psycopg.connect(server.create_database(clone, template)) as connection:
            connection.execute("SELECT FROM here")
        with pytest.raises(UsageError, match=f"{kept} was not created by this run"):
            server.drop_database(kept)
        server.drop_database(template)
    with psycopg.connect(postgres.url()) as connection:
        names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    assert kept in names
    assert not {template, clone} & names


def test_a_postgres_socket_url_works(postgres: EmbeddedPostgres) -> None:
    with UrlPostgres(postgres.socket_url()) as server:
        name = database_name("socket")
        with psycopg.connect(server.create_database(name)) as connection:
            assert connection.info.dbname == name


def test_a_postgres_user_that_may_not_create_databases_is_refused(
    postgres: EmbeddedPostgres,
) -> None:
    role = database_name("role")
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    url = postgres.url().replace("postgres@", f"{role}@")
    with pytest.raises(UsageError, match=f"ALTER ROLE {role} CREATEDB"):
        open_postgres(url)


def test_a_missing_postgres_database_is_a_usage_error(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(
        UsageError, match=r'refuses the connection.*database "nowhere" does not exist'
    ):
        open_postgres(postgres.url("nowhere"))


def test_a_redis_url_is_used_and_only_its_own_database_emptied(
    redis_server: EmbeddedRedis,
) -> None:
    with (
        redis.Redis.from_url(redis_server.url(100)) as ours,
        redis.Redis.from_url(redis_server.url(101)) as other,
        open_redis(redis_server.url(100)) as server,
    ):
        ours.set("a", 1)
        other.set("b", 1)
        assert server.url() == redis_server.url(100)
        assert server.url(1) == redis_server.url(101)
        server.flush()
        assert ours.dbsize() == 0
        assert other.dbsize() == 1
        other.flushdb()
        server.stop()
        assert ours.ping()


def test_a_redis_password_that_is_refused_is_a_usage_error(redis_server: EmbeddedRedis) -> None:
    url = f"redis://somebody:hidden@127.0.0.1:{redis_server.port}/0"
    with pytest.raises(UsageError, match="refuses the connection") as caught:
        open_redis(url)
    assert "hidden" not in str(caught.value)


def test_a_url_of_something_else_is_one_clear_error(
    redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_admin, "CONNECT_SECONDS", 2)  # Redis waits for us to go on
    with pytest.raises(PaidonceError, match="postgres"):
        open_postgres(f"postgresql://me@127.0.0.1:{redis_server.port}/db")


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
@pytest.mark.parametrize("between", ["", "/", "?", "#", " ", "'", '"', "%zz", "[", ":", "@", "\n"])
def test_no_message_about_a_url_has_a_part_of_its_password(scheme: str, between: str) -> None:
    """Neither ours, nor what libpq, redis-py and ``urlsplit`` say of it in words of their own."""
    url = f"{scheme}://me:hid{between}den@127.0.0.1:1/0"
    with pytest.raises(PaidonceError) as caught:
        (open_postgres if scheme == "postgresql" else open_redis)(url)
    assert "hid" not in str(caught.value)
    assert "den@" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


@pytest.mark.parametrize("query", ["password=hid%zzden", "nosuch=1&password=hidden"])
def test_nor_of_the_one_in_its_query(query: str) -> None:
    for kind, scheme in (open_postgres, "postgresql"), (open_redis, "redis"):
        with pytest.raises(PaidonceError) as caught:
            kind(f"{scheme}://127.0.0.1:1/0?{query}")
        assert "hid" not in str(caught.value)
