"""TLS and CONNECT ways in to the Stripe tap."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl

import httpx
import pytest
from postgres_play import DEADLINE_S

from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.taps.stripe.tls_entrance import StripeTls


async def _stripe(reader, writer):
    """Answers every request with its first line."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            line = head.split(b"\r\n")[0]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(line), line))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def on_tls(folder, work, host=""):
    async def main():
        server = await asyncio.start_server(_stripe, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with (
            StripeTap(f"http://127.0.0.1:{port}", metadata_key="order_id") as tap,
            StripeTls(tap.url, folder, host=host) as tls,
        ):
            await work(tls)
        server.close()

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def trusting(tls):
    return ssl.create_default_context(cafile=str(tls.bundle))


def test_a_host_that_a_service_has_fixed_leads_to_the_tap(tmp_path):
    async def work(tls):
        async with httpx.AsyncClient(
            verify=trusting(tls), proxy=tls.proxy_url, trust_env=False, timeout=DEADLINE_S
        ) as client:
            answer = await client.get("https://payments.example/v1/charges")
            assert answer.text == "GET /v1/charges HTTP/1.1"

    on_tls(tmp_path, work, "payments.example")


def test_stripe_by_tls_and_by_a_proxy(tmp_path):
    async def work(tls):
        async with httpx.AsyncClient(
            verify=trusting(tls), trust_env=False, timeout=DEADLINE_S
        ) as client:
            for _ in range(3):
                answer = await client.get(f"{tls.url}/v1/charges")
                assert answer.text == "GET /v1/charges HTTP/1.1"
        async with httpx.AsyncClient(
            verify=trusting(tls), proxy=tls.proxy_url, trust_env=False, timeout=DEADLINE_S
        ) as client:
            for path in ("/v1/refunds", "/v1/events"):
                answer = await client.get(f"https://api.stripe.com{path}")
                assert answer.text == f"GET {path} HTTP/1.1"
        assert tls.refused == set()

    on_tls(tmp_path, work)
    assert list(tmp_path.iterdir()) == []


def test_the_proxy_leads_nowhere_else(tmp_path):
    async def work(tls):
        async with httpx.AsyncClient(
            verify=trusting(tls), proxy=tls.proxy_url, trust_env=False, timeout=DEADLINE_S
        ) as client:
            with pytest.raises(httpx.ProxyError):
                await client.get("https://example.com/")
            answer = await client.get("http://example.com/")  # no CONNECT
            assert answer.status_code == 403
        assert "example.com" in tls.refused

    on_tls(tmp_path, work)


def test_who_does_not_trust_the_authority_gets_no_connection(tmp_path):
    async def work(tls):
        async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{tls.url}/v1/charges")
        # One that goes away in the middle of the handshake is nobody else's trouble.
        _, writer = await asyncio.open_connection("127.0.0.1", int(tls.url.rpartition(":")[2]))
        writer.write(b"hello")
        writer.close()
        async with httpx.AsyncClient(
            verify=trusting(tls), trust_env=False, timeout=DEADLINE_S
        ) as client:
            assert (await client.get(f"{tls.url}/v1/x")).status_code == 200

    on_tls(tmp_path, work)


@pytest.mark.parametrize("endless", [b"CONNECT " + b"x" * 300_000, b"GET / HTTP/1.1\r\n"])
def test_a_request_to_the_proxy_without_an_end_is_no_error_of_ours(tmp_path, endless):
    async def work(tls):
        errors = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: errors.append(said))
        host, _, port = tls.proxy_url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(endless)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        gc.collect()
        assert errors == []

    on_tls(tmp_path, work)


def test_nor_is_a_client_that_does_not_trust_the_certificate(tmp_path):
    async def work(tls):
        errors = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: errors.append(said))
        async with httpx.AsyncClient(proxy=tls.proxy_url, trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("https://api.stripe.com/v1/refunds")
        while len(asyncio.all_tasks()) > 2:  # ours, and the one that is waited for
            await asyncio.sleep(0.001)
        gc.collect()
        assert errors == []

    on_tls(tmp_path, work)
