"""What real clients send through the Postgres tap is recorded."""

from __future__ import annotations

import contextlib
import select
import threading
import time

import psycopg
import pytest
from postgres_play import DEADLINE_S, recorded
from psycopg import errors, sql
from psycopg.pq import ExecStatus


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


def test_a_text_of_another_encoding_is_recorded_with_escapes(tapped, tmp_path):
    with psycopg.connect(tapped.url, autocommit=True) as connection:
        connection.execute("SET client_encoding = 'LATIN1'")
        with recorded(tapped.tap, tmp_path / "h.jsonl") as effects:
            connection.cursor().execute("SELECT 'caf\xe9'", prepare=False)
            with pytest.raises(errors.UndefinedTable):
                connection.execute('SELECT * FROM "caf\xe9"')
    assert effects[0].request["sql"] == ["SELECT 'caf\\udce9'"]
    assert effects[1].answer["error"]["message"] == 'relation "caf\\udce9" does not exist'
