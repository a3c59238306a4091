"""Real clients through the Postgres tap get what they get without it; what passes is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from postgres_play import DEADLINE_S, Gatekeeper, ThreadedTap, recorded
from psycopg import errors, sql
from psycopg.pq import ExecStatus
from psycopg.types.json import Jsonb

from harness.backends.wheels import postgres_tool
from harness.taps.postgres import PostgresTap


@pytest.fixture
def tapped(database):
    with ThreadedTap(database) as tap:
        yield tap


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


def test_what_passes_is_recorded(tapped, tmp_path):
    with psycopg.connect(tapped.url, autocommit=True) as connection:
        connection.execute("SELECT 'warm'", prepare=True)
        with recorded(tapped.tap, tmp_path / "h.jsonl") as effects:
            with connection.transaction():
                connection.cursor(binary=True).execute(
                    "UPDATE item SET v = %s WHERE id = %s", ("new", 1)
                )
            connection.execute("SELECT 'warm'", prepare=True)
            with pytest.raises(errors.UniqueViolation):
                connection.execute("INSERT INTO item VALUES (1, NULL)")
        pid = connection.info.backend_pid
    assert [effect.label for effect in effects] == [
        "BEGIN",
        "UPDATE item SET v = ? WHERE id = ?",
        "COMMIT",
        "SELECT ?",
        "INSERT INTO item VALUES (?, NULL)",
    ]
    update, insert = effects[1], effects[4]
    assert {effect.tap for effect in effects} == {"postgres"}
    assert update.request == {
        "session": 1,
        "pid": pid,
        "status": "T",
        "sql": ["UPDATE item SET v = $1 WHERE id = $2"],
        "params": [["new", "1"]],
    }
    assert update.answer == {"tags": ["UPDATE 1"], "error": None, "rows": 0, "status": "T"}
    assert effects[3].answer["sample"] == [["warm"]]
    assert insert.answer["error"]["sqlstate"] == "23505"
    assert insert.answer["error"]["constraint"] == "item_pkey"
    assert all(effect.began <= effect.t and effect.delivered for effect in effects)


def test_a_statement_prepared_before_recording_is_named_by_its_text(tapped, tmp_path):
    with psycopg.connect(tapped.url, autocommit=True) as connection:
        for n in (1, 2):
            connection.cursor(binary=True).execute(
                "SELECT v FROM item WHERE id = %s", (n,), prepare=True
            )
        with recorded(tapped.tap, tmp_path / "h.jsonl") as effects:
            connection.cursor(binary=True).execute(
                "SELECT v FROM item WHERE id = %s", (3,), prepare=True
            )
    (effect,) = effects
    assert effect.request["sql"] == ["SELECT v FROM item WHERE id = $1"]
    assert effect.request["params"] == [["3"]]


def test_every_unit_of_a_pipeline_is_recorded_in_order(tapped, tmp_path):
    with (
        recorded(tapped.tap, tmp_path / "h.jsonl") as effects,
        psycopg.connect(tapped.url, autocommit=True) as connection,
        connection.pipeline() as pipeline,
    ):
        for n in range(5):
            query = sql.SQL("SELECT {}").format(sql.Identifier(f"c{n}"))
            # The error is raised by whichever of the two reads the answer: a quick server's is
            # there before execute returns.
            with contextlib.suppress(errors.UndefinedColumn):
                connection.execute(query, prepare=False)
            with contextlib.suppress(errors.UndefinedColumn):
                pipeline.sync()
        connection.execute("SELECT 1")
    wanted = [f'SELECT "c{n}"' for n in range(5)] + ["SELECT ?"]
    selects = [e for e in effects if e.label.startswith("SELECT")]
    assert [e.label for e in selects] == wanted
    assert [e.answer["error"] and e.answer["error"]["sqlstate"] for e in selects] == (
        ["42703"] * 5 + [None]
    )


def test_what_the_server_says_before_the_end_of_a_unit_is_part_of_its_answer(tapped, tmp_path):
    """An error, and rows that fill the server's buffer, do not wait for the Sync."""
    with (
        recorded(tapped.tap, tmp_path / "h.jsonl") as effects,
        psycopg.connect(tapped.url, autocommit=True) as connection,
    ):
        pgconn = connection.pgconn
        pgconn.enter_pipeline_mode()
        for query, rows in ((b"SELECT nothing", 0), (b"SELECT generate_series(1, 5000)", 5000)):
            pgconn.send_query_params(query, None)
            while pgconn.flush():
                pass
            # What is read now was sent before the Sync, which is not there yet.
            assert select.select([pgconn.socket], [], [], DEADLINE_S)[0], "an early answer"
            pgconn.consume_input()
            pgconn.pipeline_sync()
            while pgconn.flush():
                pass
            result = _next_result(pgconn)
            assert result.ntuples == rows
            assert _next_result(pgconn) is None
            assert _next_result(pgconn).status == ExecStatus.PIPELINE_SYNC
        pgconn.exit_pipeline_mode()
    failed, read = (effect for effect in effects if effect.label.startswith("SELECT"))
    assert failed.answer["error"]["sqlstate"] == "42703"
    assert (read.answer["error"], read.answer["rows"]) == (None, 5000)


def _next_result(pgconn):
    while pgconn.is_busy():
        assert select.select([pgconn.socket], [], [], DEADLINE_S)[0], "the next result"
        pgconn.consume_input()
    return pgconn.get_result()


def test_a_client_that_hangs_up_has_its_statement_carried_out(database, tapped, tmp_path):
    with recorded(tapped.tap, tmp_path / "h.jsonl") as effects:
        connection = psycopg.connect(tapped.url, autocommit=True)
        with psycopg.connect(database) as blocker:
            blocker.execute("SELECT FROM item FOR UPDATE")
            connection.pgconn.send_query(b"UPDATE item SET v = 'lost' WHERE id = 1")
            waits = (
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            with psycopg.connect(database, autocommit=True) as eyes:
                while eyes.execute(waits).fetchone() != (1,):
                    time.sleep(0.002)
                hung_up = threading.Event()
                tapped.tap.on_change = hung_up.set
                connection.close()
                assert hung_up.wait(DEADLINE_S), "the tap saw the client go"
        with psycopg.connect(database, autocommit=True) as eyes:
            while eyes.execute("SELECT v FROM item").fetchone() != ("lost",):
                time.sleep(0.002)
        while tapped.tap.sessions:
            time.sleep(0.002)
    (effect,) = effects
    assert effect.answer["tags"] == ["UPDATE 1"]
    assert not effect.delivered


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
    uvloop = pytest.importorskip("uvloop")

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
    uvloop = pytest.importorskip("uvloop")
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
