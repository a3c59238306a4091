"""Real clients through the Postgres tap get what they get without it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
import uuid
from urllib.parse import urlsplit

import psycopg
import pytest
from postgres_play import DEADLINE_S, recorded
from psycopg import errors
from psycopg.types.json import Jsonb

from paidonce.harness.backends.wheels import postgres_tool


@pytest.fixture(params=["pass", "record"])
def url(request, tapped, tmp_path):
    """The tap's URL, in both modes in which bytes pass at once."""
    if request.param == "pass":
        yield tapped.url
    else:
        with recorded(tapped.tap, tmp_path / "h.jsonl"):
            yield tapped.url


def same(database, url, conversation):
    """What ``conversation(connection)`` returns, directly and through the tap."""
    with psycopg.connect(database, autocommit=True) as direct:
        expected = conversation(direct)
    with psycopg.connect(url, autocommit=True) as through:
        assert conversation(through) == expected
    return expected


def test_rows_of_every_format_are_the_same(database, url):
    def talk(connection):
        values = (1, "text ü", uuid.UUID(int=7), Jsonb({"a": [1]}), None, b"\0\1", 1.5)
        return [
            connection.cursor(binary=binary)
            .execute("SELECT %s::int8, %s, %s, %s, %s::int, %s::bytea, %s::float8", values)
            .fetchall()
            for binary in (False, True)
        ]

    (text,), (binary,) = same(database, url, talk)
    assert text == binary


def test_an_error_inside_a_transaction_and_its_rollback(database, url):
    def talk(connection):
        said = []
        try:
            with connection.transaction():
                connection.execute("UPDATE item SET v = 'x' WHERE id = 1")
                connection.execute("SELECT 1 / 0")
        except errors.DivisionByZero as error:
            said.append(error.sqlstate)
        said.append(connection.execute("SELECT v FROM item").fetchall())
        return said

    assert same(database, url, talk) == ["22012", [("old",)]]


def test_a_pipeline_with_an_error_in_its_middle(database, url):
    def talk(connection):
        said = []
        try:
            with connection.pipeline():
                connection.execute("INSERT INTO item VALUES (7, 'seven')")
                connection.execute("INSERT INTO item VALUES (1, 'twice')")
                connection.execute("INSERT INTO item VALUES (8, 'eight')")
        except psycopg.Error as error:
            said.append(error.sqlstate)
        with connection.pipeline() as pipeline:
            first = connection.execute("SELECT count(*) FROM item")
            pipeline.sync()
            second = connection.execute("SELECT max(id) FROM item")
            said += [first.fetchall(), second.fetchall()]
        return said

    assert same(database, url, talk)[0] == "23505"


def test_prepared_statements(database, url):
    def talk(connection):
        query = "SELECT v FROM item WHERE id = %s"
        rows = [connection.execute(query, (n % 2,), prepare=True).fetchall() for n in range(4)]
        connection.execute("DEALLOCATE ALL")
        return rows, connection.execute("SELECT 1 WHERE 1 = %s", (1,), prepare=True).fetchall()

    same(database, url, talk)


def copy_row(connection, row, then=None):
    with connection.cursor().copy("COPY item FROM STDIN") as copy:
        copy.write_row(row)
        if then is not None:
            raise then


def test_copy_in_and_out(database, url):
    def talk(connection):
        with connection.cursor().copy("COPY item FROM STDIN") as copy:
            for n in range(100, 2100):
                copy.write_row((n, "x" * 50))
        with connection.cursor().copy("COPY item TO STDOUT") as copy:
            size = sum(len(piece) for piece in copy)
        with pytest.raises(errors.QueryCanceled):
            copy_row(connection, (5000, "no"), then=errors.QueryCanceled("by the test"))
        with pytest.raises(errors.UniqueViolation):
            copy_row(connection, (100, "twice"))
        connection.execute("DELETE FROM item WHERE id >= 100")
        return size, connection.execute("SELECT count(*) FROM item").fetchall()

    size, count = same(database, url, talk)
    assert size > 2000 * 50
    assert count == [(1,)]


def test_large_rows_and_large_parameters(database, url):
    big = "ä" * 3_000_000

    def talk(connection):
        (row,) = connection.execute("SELECT %s::text, repeat('y', 2000000)", (big,)).fetchall()
        return row

    first, second = same(database, url, talk)
    assert first == big
    assert len(second) == 2_000_000


def test_notifications_arrive(url):
    with (
        psycopg.connect(url, autocommit=True) as listener,
        psycopg.connect(url, autocommit=True) as sender,
    ):
        listener.execute("LISTEN paid")
        sender.execute("NOTIFY paid, 'order 1'")
        (found,) = listener.notifies(timeout=DEADLINE_S, stop_after=1)
    assert (found.channel, found.payload) == ("paid", "order 1")


def test_cancelling_reaches_the_session_meant(database, url):
    runs = "SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query ~ 'pg_sleep'"

    def cancel_once_it_runs(connection):
        with psycopg.connect(database, autocommit=True) as eyes:
            while not eyes.execute(runs, (connection.info.backend_pid,)).rowcount:
                time.sleep(0.002)
        connection.cancel_safe(timeout=DEADLINE_S)

    with psycopg.connect(url, autocommit=True) as connection:
        canceller = threading.Thread(target=cancel_once_it_runs, args=(connection,))
        canceller.start()
        with pytest.raises(errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(300)")
        canceller.join(DEADLINE_S)
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_terminated_session_tells_its_client_why(database, url):
    with (
        psycopg.connect(url, autocommit=True) as victim,
        psycopg.connect(database, autocommit=True) as other,
    ):
        # With a time-out (ms) it returns when the session is gone.
        gone = other.execute(
            "SELECT pg_terminate_backend(%s, %s)", (victim.info.backend_pid, DEADLINE_S * 1000)
        )
        assert gone.fetchone() == (True,)
        with pytest.raises(errors.AdminShutdown):
            victim.execute("SELECT 1")


@pytest.mark.parametrize("version", ["3.0", "3.2"])
def test_protocol_versions(database, tapped, version):
    with psycopg.connect(
        tapped.url, max_protocol_version=version, min_protocol_version=version
    ) as connection:
        (session,) = tapped.tap.sessions
        assert session.pid == connection.info.backend_pid
        assert session.version == (3, int(version[-1]))
        assert len(session.key) == (4 if version == "3.0" else 32)
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
        assert connection.info.status.name == "OK"


def test_async_clients(database, url):
    async def main():
        async with await psycopg.AsyncConnection.connect(url) as connection:
            cursor = await connection.execute("SELECT v FROM item WHERE id = %b", (1,))
            return await cursor.fetchall()

    assert asyncio.run(main()) == [("old",)]


def client(program, url, *arguments):
    parts = urlsplit(url)
    place = ["-h", parts.hostname, "-p", str(parts.port), "-U", parts.username]
    done = subprocess.run(
        [str(postgres_tool(program)), *place, *arguments, parts.path.strip("/")],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        env={**os.environ, "PGCONNECT_TIMEOUT": str(DEADLINE_S)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_psql(database, url):
    script = ["-Atq", "-c", "BEGIN; SELECT * FROM item; COMMIT", "-c", "\\copy item to stdout"]
    assert client("psql", url, *script) == client("psql", database, *script)


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(database, url, mode):
    if mode == "simple":
        client("pgbench", database, "-i", "-q", "-I", "dtg")
    else:
        client("pgbench", database, "-i", "-q")
    out = client("pgbench", url, "-n", "-M", mode, "-c", "3", "-t", "20")
    assert "number of transactions actually processed: 60/60" in out
    assert "number of failed transactions: 0" in out
