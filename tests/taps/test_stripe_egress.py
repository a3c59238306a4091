"""The way out of a service under test: to everywhere, but not to Stripe itself."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest
import trustme
from postgres_play import DEADLINE_S

from paidonce.harness.taps.stripe.egress import EgressProxy, stripes_own

PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority():
    return trustme.CA()


async def _says_hello(reader, writer):
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        writer.close()


def with_egress(authority, work):
    async def main():
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(secured)
        server = await asyncio.start_server(_says_hello, "127.0.0.1", 0, ssl=secured)
        async with EgressProxy() as egress:
            await work(egress, server.sockets[0].getsockname()[1])
        server.close()

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def client(authority, proxy):
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return httpx.AsyncClient(verify=trusting, proxy=proxy, trust_env=False, timeout=DEADLINE_S)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("api.stripe.com", True),
        ("API.Stripe.COM.", True),
        ("meter-events.stripe.com", True),
        ("stripe.com", True),
        ("notstripe.com", False),
        ("stripe.com.example.org", False),
        ("127.0.0.1", False),
    ],
)
def test_stripes_own_hosts(host, own):
    assert stripes_own(host) is own


def test_stripe_itself_is_refused_and_all_else_is_carried(authority):
    async def work(egress, port):
        async with client(authority, egress.url) as asking:
            with pytest.raises(httpx.ProxyError, match="keeps a service under test from Stripe"):
                await asking.post("https://api.stripe.com/v1/charges")
            for _ in range(2):
                assert (await asking.get(f"https://localhost:{port}/")).text == "hello"
        assert egress.refused == {"api.stripe.com"}
        assert egress.carried == {"localhost"}

    with_egress(authority, work)


def test_an_address_of_stripes_in_the_clear_is_refused_as_well(authority):
    async def work(egress, _port):
        reader, writer = await asyncio.open_connection("127.0.0.1", egress.port)
        writer.write(b"POST https://user@api.stripe.com/v1/charges HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"api.stripe.com was asked for" in answer
        assert egress.refused == {"api.stripe.com"}
        writer.close()

    with_egress(authority, work)


@pytest.mark.parametrize(
    "sent",
    [b"\r\n\r\n", b"CONNECT\r\n\r\n", b"x" * 40_000, b"CONNECT localhost:x HTTP/1.1\r\n\r\n"],
)
def test_what_is_no_request_ends_its_own_connection_only(authority, sent):
    async def work(egress, port):
        _reader, writer = await asyncio.open_connection("127.0.0.1", egress.port)
        writer.write(sent)
        writer.write_eof()
        async with client(authority, egress.url) as asking:
            assert (await asking.get(f"https://localhost:{port}/")).text == "hello"
        writer.close()

    with_egress(authority, work)


def test_who_is_not_there_is_told_so(authority):
    async def work(egress, _port):
        async with client(authority, egress.url) as asking:
            with pytest.raises(httpx.ProxyError, match="502"):
                await asking.get("https://localhost:1/")

    with_egress(authority, work)


@pytest.mark.parametrize("excepted", ["", "*", "localhost", "example.org, .localhost"])
def test_a_proxy_of_the_users_own_is_behind_it(authority, monkeypatch, excepted):
    async def main():
        asked = []

        async def proxy(reader, writer):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 418 I am the proxy\r\n\r\n")
            writer.close()

        beyond = await asyncio.start_server(proxy, "127.0.0.1", 0)
        port = beyond.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pw@127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", excepted)
        async with EgressProxy() as egress, client(authority, egress.url) as asking:
            assert egress.url == f"http://me:pw@127.0.0.1:{egress.port}"
            with pytest.raises(httpx.ProxyError, match="502" if excepted else "418"):
                await asking.get("https://localhost:1/")
            with pytest.raises(httpx.ProxyError, match="403"):
                await asking.get("https://api.stripe.com/")
        beyond.close()
        assert [one.split(b"\r\n")[0] for one in asked] == (
            [] if excepted else [b"CONNECT localhost:1 HTTP/1.1"]
        )
        # What the service has from the variable, and nothing of ours.
        assert all(b"proxy-authorization: basic bwu6chc=" in one.lower() for one in asked)

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_it_stands_before_no_proxy_that_speaks_another_language(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    assert not EgressProxy().can_go_on
