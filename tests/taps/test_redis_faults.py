"""What a gate has go wrong with commands: what the server did, and what the client saw."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
import redis as sync_redis
import redis.asyncio as aioredis
from postgres_play import DEADLINE_S, Gatekeeper, recorded

from paidonce.harness.backends.shared import open_shared_redis
from paidonce.harness.history import Fault, read_history
from paidonce.harness.taps.faults import ErrorAnswer, LostAnswer, NoContact
from paidonce.harness.taps.redis import RedisTap
from paidonce.harness.taps.redis.errors import ERRORS

SET = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"


def select(url: str) -> bytes:
    """The command by which a connection comes to the database of ``url``."""
    number = urlsplit(url).path.strip("/") or "0"
    return f"*2\r\n$6\r\nSELECT\r\n${len(number)}\r\n{number}\r\n".encode()


@pytest.fixture(scope="module")
def store():
    with open_shared_redis() as server:
        yield server


@pytest.fixture
def upstream(store):
    store.flush()
    yield store.url()
    store.flush()


def play(upstream, tmp_path, story):
    """Run ``story(tap, gate, client, direct)``; returns the effects and the faults it left."""

    async def main():
        gate = Gatekeeper()
        async with RedisTap(upstream) as tap, aioredis.Redis.from_url(upstream) as direct:
            client = aioredis.Redis.from_url(
                tap.url_for(upstream), retry=None, single_connection_client=True
            )
            await client.ping()
            with recorded(tap, tmp_path / "h.jsonl") as effects:
                tap.bind(tap.journal, gate)
                await story(tap, gate, client, direct)
            await client.aclose()
        faults = [fault for _, fault in read_history(tmp_path / "h.jsonl").of(Fault)]
        return effects, faults

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


async def gone(tap):
    while tap.sessions:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("at_request", "at_answer", "found"),
    [(NoContact(), None, None), (None, LostAnswer(), b"v")],
    ids=["no contact", "lost answer"],
)
def test_a_connection_is_reset_before_or_after_the_effect(
    upstream, tmp_path, at_request, at_answer, found
):
    async def story(tap, gate, client, direct):
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(select(upstream))
        assert await reader.readline() == b"+OK\r\n"
        gate.seen.clear()
        gate.at_request, gate.at_answer = at_request, at_answer
        writer.write(SET)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        gate.at_request = gate.at_answer = None
        assert await direct.get("k") == found
        while len(tap.sessions) > 1:
            await asyncio.sleep(0.001)
        assert gate.seen == [("request", "SET k"), ("answer", "SET k")]
        assert await client.ping()

    effects, (fault,) = play(upstream, tmp_path, story)
    (effect,) = (one for one in effects if one.label == "SET k")
    answer = None if found is None else {"value": "OK"}
    assert (effect.answer, effect.delivered) == (answer, False)
    assert (fault.tap, fault.seq) == ("redis", effect.seq)
    assert fault.kind == ("no_contact" if found is None else "lost_answer")


def test_every_error_is_told_in_its_own_words_and_nothing_is_done(upstream, tmp_path):
    async def story(tap, gate, client, direct):
        for name, text in ERRORS.items():
            gate.at_request = ErrorAnswer(name)
            # What the driver makes of LOADING is that the connection is of no use.
            with pytest.raises((sync_redis.ResponseError, sync_redis.ConnectionError)) as told:
                await client.set("k", "v")
            assert str(told.value) in text
            gate.at_request = None
            assert await client.get("k") is None
        assert await direct.get("k") is None
        assert await client.set("k", "v")

    effects, faults = play(upstream, tmp_path, story)
    refused = [effect for effect in effects if effect.seq in {fault.seq for fault in faults}]
    assert [effect.answer for effect in refused] == [{"error": text} for text in ERRORS.values()]
    assert all(effect.delivered for effect in refused)


@pytest.mark.parametrize("at", ["SET k", "EXEC", "MULTI"])
def test_an_error_in_a_transaction_has_it_discarded(upstream, tmp_path, at):
    async def story(tap, gate, client, direct):
        class At(Gatekeeper):
            async def request(self, call, connection):
                return ErrorAnswer("OOM") if call.label == at else None

        tap.bind(tap.journal, At())
        said = []
        for command in (("MULTI",), ("SET", "k", "v"), ("EXEC",)):
            try:
                said.append(await client.execute_command(*command))
            except sync_redis.RedisError as error:
                said.append(type(error).__name__)
        # Who is not told that a transaction began has its commands carried out one by one.
        assert await direct.get("k") == (b"v" if at == "MULTI" else None)
        assert said[("MULTI", "SET k", "EXEC").index(at)] in ("OutOfMemoryError", "ExecAbortError")
        assert at == "MULTI" or said[2] == "ExecAbortError"
        tap.bind(tap.journal, gate)
        assert await client.set("k", "after")
        assert await direct.get("k") == b"after"

    play(upstream, tmp_path, story)


def test_a_fault_that_cannot_be_there_is_an_error_of_the_gate(upstream, tmp_path):
    async def story(tap, gate, client, direct):
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, what: told.append(what))
        gate.at_answer = ErrorAnswer("OOM")
        with pytest.raises(sync_redis.ConnectionError):
            await client.set("k", "v")
        gate.at_answer = None
        while not told:
            await asyncio.sleep(0)
        assert "where it cannot be" in str(told[0]["exception"])

    play(upstream, tmp_path, story)
