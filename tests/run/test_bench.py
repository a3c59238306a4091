"""What surrounds a service is brought back to its beginning."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
import redis.asyncio as aioredis

from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.errors import Unavailable
from paidonce.harness.testbed.bench import Bench


@pytest.fixture
def server():
    server = EmbeddedRedis()
    yield server
    server.stop()


def left_after_emptying(server, *, owned, before=lambda: None):
    async def main():
        async with (
            aioredis.Redis.from_url(server.url()) as ours,
            aioredis.Redis.from_url(server.url(1)) as other,
        ):
            await ours.set("k", 1)
            await other.set("k", 1)
            before()
            await Bench.empty_redis(SimpleNamespace(redis=ours, owns_redis=owned))
            return await ours.exists("k"), await other.exists("k")

    return asyncio.run(main())


def test_all_databases_of_a_redis_of_ours_are_emptied(server):
    assert left_after_emptying(server, owned=server.owned) == (0, 0)


def test_of_somebody_elses_only_the_one_of_its_url_is(server):
    assert left_after_emptying(server, owned=False) == (0, 1)


def test_a_redis_that_is_gone_is_named(server):
    with pytest.raises(Unavailable, match="redis: the server does not answer"):
        left_after_emptying(server, owned=True, before=server.stop)
