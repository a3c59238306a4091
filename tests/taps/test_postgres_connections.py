"""Connections through the Postgres tap: how they come, go, and fail."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import uvloop
from postgres_play import DEADLINE_S, Gatekeeper, ThreadedTap, recorded

from paidonce.harness.taps.postgres import PostgresTap


def test_a_server_that_is_not_there_is_an_error_the_client_understands():
    refused = pytest.raises(psycopg.OperationalError, match="the tap cannot reach the server")
    with ThreadedTap("postgresql://nobody@127.0.0.1:1/none") as tap, refused:
        psycopg.connect(tap.url)


def test_sessions_come_and_go(tapped):
    assert tapped.tap.sessions == ()
    with psycopg.connect(tapped.url) as connection:
        connection.execute("SELECT 1")
        (session,) = tapped.tap.sessions
        assert (session.status, session.startup["user"]) == ("T", "postgres")
        assert session.parameters["server_version"].startswith("18")


def test_a_unix_socket_upstream(database, postgres_server, tmp_path):
    if not hasattr(postgres_server, "socket_url"):
        with psycopg.connect(database) as connection:
            folder = connection.execute("SHOW unix_socket_directories").fetchone()[0]
        parts = urlsplit(database)
        upstream = f"postgresql://{parts.username}@{parts.path}?host={folder}&port={parts.port}"
    else:
        upstream = postgres_server.socket_url()
    with ThreadedTap(upstream) as tap, psycopg.connect(tap.tap.url_for(database)) as connection:
        assert connection.execute("SELECT v FROM item").fetchall() == [("old",)]


def test_the_tap_can_be_left_with_connections_open(database):
    async def main():
        async with PostgresTap(database) as tap:
            connection = await psycopg.AsyncConnection.connect(tap.url_for(database))
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT 1")

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_the_tap_listens_on_a_unix_socket_too(database):
    async def main(folder):
        async with PostgresTap(database, socket_folder=folder) as tap:
            url = tap.socket_url_for(database)
            async with await psycopg.AsyncConnection.connect(url) as connection:
                assert connection.info.host == str(folder)
                cursor = await connection.execute("SELECT v FROM item")
                assert await cursor.fetchall() == [("old",)]
        assert list(folder.iterdir()) == []

    # The path of a socket may have no more than some hundred bytes.
    with tempfile.TemporaryDirectory(prefix="tap") as folder:
        asyncio.run(asyncio.wait_for(main(Path(folder)), DEADLINE_S))


def test_in_every_mode_on_uvloop(database, tmp_path):
    def talk(connection):
        big = connection.execute("SELECT repeat('x', 3000000)").fetchone()[0]
        connection.execute("UPDATE item SET v = v || %s", ("!",), prepare=True)
        return len(big)

    with (
        ThreadedTap(database, run=uvloop.run) as tap,
        psycopg.connect(tap.url, autocommit=True) as connection,
    ):
        assert talk(connection) == 3_000_000
        with recorded(tap.tap, tmp_path / "h.jsonl") as effects:
            talk(connection)
            gate = Gatekeeper()
            tap.tap.bind(tap.tap.journal, gate)
            talk(connection)
        assert talk(connection) == 3_000_000
        assert connection.execute("SELECT v FROM item").fetchall() == [("old!!!!",)]
    assert [effect.label.split()[0] for effect in effects] == ["SELECT", "UPDATE"] * 2
    assert [side for side, _ in gate.seen] == ["request", "answer"] * 2


@pytest.mark.parametrize("waits", [True, False], ids=["refused", "at once"])
def test_clients_that_leave_while_the_server_is_being_connected_are_let_go(database, waits):
    """pgx does with each new pool: it asks for TLS, is refused it, and comes again without."""
    asks_for_tls = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")

    async def leave(tap):
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(asks_for_tls)
        if waits:
            assert await reader.readexactly(1) == b"N"
        writer.transport.abort()

    async def come_and_go():
        async with PostgresTap(database) as tap:
            for _ in range(50):
                await asyncio.gather(*(leave(tap) for _ in range(4)))
            async with asyncio.timeout(DEADLINE_S):
                while tap.connecting:
                    await asyncio.sleep(0.001)
        assert not tap.sessions

    uvloop.run(asyncio.wait_for(come_and_go(), DEADLINE_S * 2))
