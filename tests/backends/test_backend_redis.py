"""The embedded Redis server."""

from __future__ import annotations

import psutil
import pytest
import redis

from paidonce.harness.backends.redis_embedded import DATABASES, EmbeddedRedis
from paidonce.harness.errors import Unavailable
from paidonce.harness.process.custody import custody
from paidonce.harness.process.offspring import wait_gone
from paidonce.harness.process.ports import HOST, answers


def test_starts_empties_and_leaves_nothing() -> None:
    before = custody.tickets
    with EmbeddedRedis() as server:
        process = psutil.Process(server.pid)
        with (
            redis.Redis.from_url(server.url()) as first,
            redis.Redis.from_url(server.url(7)) as other,
        ):
            assert first.set("lock", "a", nx=True, px=60_000)
            assert first.set("lock", "b", nx=True, px=60_000) is None
            assert other.set("lock", "c", nx=True)
            other.save()  # what a service asks for is written to a folder of ours
            server.flush()
            assert (first.dbsize(), other.dbsize()) == (0, 0)
        port = server.port
        assert server.version.startswith("valkey ")
    assert not wait_gone([process], 120)
    assert not answers(port)
    assert custody.tickets == before
    server.stop()


def test_listens_on_loopback_only_and_has_many_databases(redis_server: EmbeddedRedis) -> None:
    listening_on = {
        connection.laddr.ip
        for connection in psutil.Process(redis_server.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening_on == {HOST}
    with redis.Redis.from_url(redis_server.url(DATABASES - 1)) as last:
        assert last.ping()
    with (
        redis.Redis.from_url(redis_server.url(DATABASES)) as beyond,
        pytest.raises(redis.ResponseError),
    ):
        beyond.ping()


def test_a_port_lost_at_the_last_moment_is_replaced(stolen: list[int]) -> None:
    with EmbeddedRedis() as server:
        assert len(stolen) == 1
        assert server.port != stolen[0]
        server.flush()


def test_a_taken_port_is_said_when_it_was_asked_for(redis_server: EmbeddedRedis) -> None:
    before = custody.tickets
    with pytest.raises(Unavailable, match=f"port {redis_server.port} is taken"):
        EmbeddedRedis(port=redis_server.port)
    assert custody.tickets == before


def test_flushing_a_dead_server_is_one_clear_error() -> None:
    with EmbeddedRedis() as server:
        server._server.kill()
        with pytest.raises(Unavailable, match="redis: the server does not answer"):
            server.flush()
