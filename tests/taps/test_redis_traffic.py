"""Real clients through the Redis tap, recorded and held."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
import redis as sync_redis
import redis.asyncio as aioredis
from postgres_play import DEADLINE_S, Gatekeeper, recorded

from paidonce.harness.backends.shared import open_shared_redis
from paidonce.harness.errors import UsageError
from paidonce.harness.taps.faults import LostAnswer
from paidonce.harness.taps.redis import RedisTap


@pytest.fixture(scope="module")
def store():
    with open_shared_redis() as server:
        yield server


@pytest.fixture
def upstream(store):
    store.flush()
    yield store.url()
    store.flush()


def play(upstream, tmp_path, story, gate=None):
    """Run ``story(tap, url, direct)`` with a recording tap; the effects it left."""

    async def main():
        async with RedisTap(upstream) as tap, aioredis.Redis.from_url(upstream) as direct:
            with recorded(tap, tmp_path / "h.jsonl") as effects:
                tap.bind(tap.journal, gate)
                await story(tap, tap.url_for(upstream), direct)
        return effects

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def labels(effects):
    return [e.label for e in effects if not e.label.startswith(("CLIENT", "HELLO", "SELECT"))]


@pytest.mark.parametrize("protocol", [2, 3])
def test_commands_pipelines_transactions_and_scripts(upstream, tmp_path, protocol):
    async def story(tap, url, direct):
        async with aioredis.Redis.from_url(url, protocol=protocol) as client:
            assert await client.set("lock:order:7", "me", nx=True, px=5000) is True
            assert await client.set("lock:order:7", "you", nx=True, px=5000) is None
            async with client.pipeline(transaction=True) as pipe:
                assert await pipe.incr("n").hset("h", mapping={"a": 1}).execute() == [1, 1]
            async with client.pipeline(transaction=False) as pipe:
                assert await pipe.get("n").hgetall("h").execute() == [b"1", {b"a": b"1"}]
            release = client.register_script("return redis.call('del', KEYS[1])")
            assert await release(keys=["lock:order:7"]) == 1
            with pytest.raises(sync_redis.ResponseError):
                await client.incr("h")
            with pytest.raises(sync_redis.ResponseError):
                await client.eval(b"return redis.error_reply('no \xff')", 0)
            assert await client.set("big", b"x" * 3_000_000)
            assert len(await client.get("big")) == 3_000_000
        assert await direct.get("n") == b"1"

    effects = play(upstream, tmp_path, story)
    found = labels(effects)
    assert found[:3] == ["SET NX PX lock:order:?", "SET NX PX lock:order:?", "MULTI"]
    assert found[3:8] == ["INCRBY n", "HSET h", "EXEC", "GET n", "HGETALL h"]
    first, second = effects[-len(found) :][:2]
    assert first.tap == "redis"
    assert first.request["key"] == "lock:order:7"
    assert first.request["args"] == ["lock:order:7", "me", "NX", "PX", "5000"]
    assert (first.answer, second.answer) == ({"value": "OK"}, {"value": None})
    assert "WRONGTYPE" in next(e for e in effects if e.label == "INCRBY h").answer["error"]
    assert any("no \\xff" in (e.answer or {}).get("error", "") for e in effects)


@pytest.mark.parametrize("protocol", [2, 3])
def test_messages_arrive_also_while_recording(upstream, tmp_path, protocol):
    async def story(tap, url, direct):
        client = aioredis.Redis.from_url(url, protocol=protocol)
        async with client, client.pubsub() as listener:
            await listener.subscribe("paid", "refunded")
            for _ in range(2):
                await listener.get_message(timeout=DEADLINE_S)
            await direct.publish("paid", "order 1")
            message = await listener.get_message(timeout=DEADLINE_S)
            assert message["data"] == b"order 1"
            await listener.unsubscribe()
            for _ in range(2):  # a command is recorded once it is answered
                assert (await listener.get_message(timeout=DEADLINE_S))["type"] == "unsubscribe"

    assert labels(play(upstream, tmp_path, story)) == ["SUBSCRIBE", "UNSUBSCRIBE"]


def test_a_blocking_client_and_an_inline_command(upstream):
    async def main():
        async with RedisTap(upstream) as tap:
            url = tap.url_for(upstream)

            def talk():
                with sync_redis.Redis.from_url(url) as client:
                    client.rpush("queue", "a")
                    return client.blpop("queue", timeout=DEADLINE_S)

            assert await asyncio.to_thread(talk) == (b"queue", b"a")
            reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
            writer.write(b"ECHO 'hello world'\r\n")
            assert await reader.readexactly(18) == b"$11\r\nhello world\r\n"
            writer.close()

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_a_held_command_has_not_reached_the_server_and_a_held_answer_has(upstream, tmp_path):
    gate = Gatekeeper(requests="SET", answers="SET")

    async def story(tap, url, direct):
        async with aioredis.Redis.from_url(url) as client:
            await client.ping()
            pending = asyncio.ensure_future(client.set("k", "v"))
            call = await gate.wait("request", "SET k")
            assert await direct.get("k") is None
            assert tap.in_flight == (call,)
            call.attempt = "tab 1"
            gate.let_go("request", "SET k")
            await gate.wait("answer", "SET k")
            assert await direct.get("k") == b"v"
            assert not pending.done()
            assert tap.in_flight == (call,)
            gate.let_go("answer", "SET k")
            assert await pending
            assert tap.in_flight == ()

    effect = next(e for e in play(upstream, tmp_path, story, gate) if e.label == "SET k")
    assert (effect.attempt, effect.delivered) == ("tab 1", True)


def test_a_dropped_answer_is_an_effect_nobody_was_told_of(upstream, tmp_path):
    gate = Gatekeeper()

    async def story(tap, url, direct):
        client = aioredis.Redis.from_url(url, retry=None, single_connection_client=True)
        await client.ping()
        gate.at_answer = LostAnswer()
        with pytest.raises(sync_redis.ConnectionError):
            await client.set("k", "v")
        assert await direct.get("k") == b"v"
        gate.at_answer = None
        await client.aclose()

    effect = next(e for e in play(upstream, tmp_path, story, gate) if e.label == "SET k")
    assert not effect.delivered
    assert effect.answer == {"value": "OK"}


def test_connections_are_independent(upstream, tmp_path):
    gate = Gatekeeper(requests="SET")

    async def story(tap, url, direct):
        one, two = aioredis.Redis.from_url(url), aioredis.Redis.from_url(url)
        await one.ping()
        pending = asyncio.ensure_future(one.set("k", "v"))
        await gate.wait("request", "SET k")
        assert await two.get("k") is None
        gate.let_go("request", "SET k")
        await pending
        await one.aclose()
        await two.aclose()

    play(upstream, tmp_path, story, gate)


def test_a_server_that_is_not_there_is_an_error_the_client_understands():
    async def main():
        async with RedisTap("redis://127.0.0.1:1/0") as tap:
            client = aioredis.Redis.from_url(tap.url_for("redis://127.0.0.1:1/0"), retry=None)
            with pytest.raises(sync_redis.RedisError, match="the tap cannot reach the server"):
                await client.get("k")
            await client.aclose()

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_bytes_that_are_no_resp_end_that_connection_only(upstream):
    async def main():
        async with RedisTap(upstream) as tap:
            reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
            writer.write(b"*1\r\n?\r\n")
            assert b"Protocol error" in await asyncio.wait_for(reader.read(), DEADLINE_S)
            writer.close()
            async with aioredis.Redis.from_url(tap.url_for(upstream)) as client:
                assert await client.ping()

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_urls(upstream):
    async def main():
        async with RedisTap(upstream) as tap:
            place = f"127.0.0.1:{tap.port}"
            assert tap.url_for("redis://u:p@example.org:1/2?x=1") == f"redis://u:p@{place}/2?x=1"
            assert tap.url_for("rediss://example.org/0") == f"redis://{place}/0"
            assert tap.url_for("unix:///run/redis.sock?db=3") == f"redis://{place}/3"
            assert urlsplit(tap.url_for(upstream)).path == urlsplit(upstream).path

    asyncio.run(main())


@pytest.mark.parametrize("url", ["http://localhost", "redis:///0", ""])
def test_a_url_that_names_no_server_is_refused(url):
    with pytest.raises(UsageError, match="expected redis://host:port/db"):
        RedisTap(url)
