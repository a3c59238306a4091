"""A port whose connections are served by tasks, under peers that behave badly."""

from __future__ import annotations

import asyncio
import gc

import pytest
from postgres_play import DEADLINE_S

from paidonce.harness.taps.protocol_error import ProtocolError
from paidonce.harness.taps.stripe.listener import Listener


def play(serve, work):
    async def main():
        errors = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: errors.append(said))
        listener = Listener(serve)
        async with asyncio.timeout(DEADLINE_S):
            await listener.open()
            await work(listener)
            await listener.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        gc.collect()
        return errors

    return asyncio.run(main())


async def connected(listener):
    return await asyncio.open_connection("127.0.0.1", listener.port)


@pytest.mark.parametrize("drains", [True, False])
def test_closing_does_not_wait_for_a_peer_that_reads_nothing(drains):
    writing = asyncio.Event()

    async def serve(reader, writer):
        writer.write(bytes(64 * 2**20))
        writing.set()
        if drains:
            await writer.drain()

    async def work(listener):
        await connected(listener)
        await writing.wait()

    assert play(serve, work) == []


@pytest.mark.parametrize("error", [ConnectionResetError(), ProtocolError("by the test", 0)])
def test_a_peer_that_goes_away_or_talks_nonsense_ends_its_own_connection(error):
    async def serve(reader, writer):
        if await reader.read(1) == b"x":
            raise error
        writer.write(b"served")

    async def work(listener):
        for said, answered in (b"x", b""), (b"y", b"served"):
            reader, writer = await connected(listener)
            writer.write(said)
            assert await reader.read() == answered
            writer.close()

    assert play(serve, work) == []


def test_what_is_a_defect_of_ours_is_told():
    async def serve(reader, writer):
        raise RuntimeError("by the test")

    async def work(listener):
        reader, _ = await connected(listener)
        assert await reader.read() == b""

    (told,) = play(serve, work)
    assert str(told["exception"]) == "by the test"
