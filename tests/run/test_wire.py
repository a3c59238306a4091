"""The HTTP client that can stop one byte short."""

from __future__ import annotations

import asyncio

import pytest

from paidonce.harness.http.client import NoAnswer, Request, Wire


async def serve(handler):
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def bounded(main):
    return asyncio.run(asyncio.wait_for(main, 120))


def test_a_prepared_request_lacks_exactly_its_last_byte():
    async def main():
        seen = bytearray()
        complete = asyncio.Event()

        async def handler(reader, writer):
            while data := await reader.read(1000):
                seen.extend(data)
                if seen.endswith(b"}"):
                    complete.set()
                    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")

        server, url = await serve(handler)
        wire = Wire(url)
        request = Request(method="POST", path="/pay", headers={"X-A": "b"}, body=b'{"a":1}')
        await wire.prepare(request)
        while not seen.endswith(b'{"a":1'):
            await asyncio.sleep(0.001)
        assert not complete.is_set()
        wire.release()
        answer = await wire.receive()
        assert complete.is_set()
        assert (answer.status, answer.body) == (201, b"ok")
        assert b"POST /pay HTTP/1.1\r\n" in seen
        assert b"content-length: 7" in seen.lower()
        await wire.close()
        server.close()

    bounded(main())


def test_many_prepared_requests_become_complete_together():
    async def main():
        completed = []

        async def handler(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            completed.append(head)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        server, url = await serve(handler)
        wires = [Wire(url) for _ in range(50)]
        for wire in wires:
            await wire.prepare(Request(method="POST", path="/pay"))
        await asyncio.sleep(0)
        assert completed == []
        for wire in wires:
            wire.release()
        answers = await asyncio.gather(*(wire.receive() for wire in wires))
        assert [answer.status for answer in answers] == [200] * 50
        assert len(completed) == 50
        for wire in wires:
            await wire.close()
        server.close()

    bounded(main())


@pytest.mark.parametrize("last", [b"200 OK\r\nConnection: close", b"500 Internal Server Error"])
def test_a_connection_is_used_again_until_the_service_may_have_closed_it(last):
    async def main():
        connections = []

        async def handler(reader, writer):
            connections.append(writer)
            for status in (b"200 OK", last):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server, url = await serve(handler)
        wire = Wire(url)
        for _ in range(4):
            await wire.send(Request(method="GET", path="/"))
            await wire.receive()
        assert len(connections) == 2
        await wire.close()
        server.close()

    bounded(main())


def test_a_connection_that_was_idle_is_left_to_the_server_to_close(monkeypatch):
    """It may close it at the very moment at which it would be used again."""

    async def main():
        connections = []

        async def handler(reader, writer):
            connections.append(writer)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await reader.read(1)  # its keep-alive is over just as it reads
            writer.transport.abort()

        server, url = await serve(handler)
        wire = Wire(url)
        await wire.warm("/")
        monkeypatch.setattr("paidonce.harness.http.client._FRESH_S", 0.0)
        assert (await wire.ask(Request(method="POST", path="/pay"))).status == 200
        await wire.warm("/")
        assert len(connections) == 3
        await wire.close()
        server.close()

    bounded(main())


@pytest.mark.parametrize(
    "said", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]
)
def test_no_answer_is_told_apart_from_any_answer(said):
    async def main():
        async def handler(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            writer.close()

        server, url = await serve(handler)
        wire = Wire(url)
        await wire.send(Request(method="GET", path="/"))
        with pytest.raises(NoAnswer):
            await wire.receive()
        await wire.close()
        server.close()

    bounded(main())


def test_nobody_listening_is_no_answer():
    async def main():
        server, url = await serve(lambda reader, writer: None)
        server.close()
        with pytest.raises(NoAnswer, match="no connection"):
            await Wire(url).send(Request(method="GET", path="/"))

    bounded(main())
