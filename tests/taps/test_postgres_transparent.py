"""What a client is answered does not depend on the tap: random talk, with and without it."""

from __future__ import annotations

import asyncio
import contextlib
import random

import psycopg
import pytest
from postgres_play import DEADLINE_S, Gatekeeper
from postgres_talk import SCHEMA, Talk, step

from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.control import sql_sessions
from paidonce.harness.explore.control.sql_sessions import SqlSessions, session_name
from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.taps.postgres.units import COMMIT

DATA = frozenset({"select", "insert", "update", "delete", "merge"})


@pytest.fixture
def two(postgres_server):
    """The URLs of two databases that are alike, down to the numbers of their tables."""
    names = [database_name(f"alike{n}") for n in range(3)]
    with psycopg.connect(postgres_server.create_database(names[0]), autocommit=True) as connection:
        connection.execute(SCHEMA)
    yield [postgres_server.create_database(name, names[0]) for name in names[1:]]
    for name in names:
        postgres_server.drop_database(name)


@pytest.fixture
def all_apart(monkeypatch):
    """Whatever can be committed apart is."""
    monkeypatch.setattr(
        sql_sessions, "in_two_steps", lambda found, **_: all(one.kind in DATA for one in found)
    )


async def held(url, use):
    """What ``use(url)`` returns of a tap as it is in exploration, and what its gate saw."""
    sessions, gate = SqlSessions(url), Gatekeeper()
    async with PostgresTap(url) as tap:
        gate.commits_apart = lambda session, found: sessions.apart(session_name(session.id), found)
        tap.bind(None, gate)
        found = await use(tap.url_for(url))
        tap.bind(None, None)
    return found, [label for side, label in gate.seen if side == "request"]


def compared(urls, use):
    """(what came directly, what came past the tap, the units the gate saw)."""

    async def main():
        direct = await use(urls[0])
        tapped, seen = await held(urls[1], use)
        return direct, tapped, seen

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


@pytest.mark.parametrize("seed", range(2))
def test_every_message_of_random_talk_is_the_same(two, all_apart, seed):
    async def use(url):
        draw = random.Random(seed)
        talk, found = await Talk.begun(url), []
        for _ in range(150):
            sent = step(draw)
            found.append((sent, await talk.ask(sent)))
        talk.close()
        return found

    direct, tapped, seen = compared(two, use)
    different = [(one, two) for one, two in zip(direct, tapped, strict=True) if one != two]
    assert not different[:1]
    assert seen.count(COMMIT) > 4


def _driven(url, tmp_path):
    """What libpq traces of a connection that a driver uses in its ways."""
    traced = tmp_path / f"{url.rpartition('_')[2]}.trace"
    with (
        traced.open("w") as file,
        psycopg.Connection.connect(url, autocommit=True) as connection,
    ):
        connection.pgconn.trace(file.fileno())
        connection.pgconn.set_trace_flags(psycopg.pq.Trace.SUPPRESS_TIMESTAMPS)
        for cursor in (connection.cursor(), psycopg.ClientCursor(connection)):
            for n in range(3):
                _ask(cursor, "INSERT INTO item VALUES (%s, %s) RETURNING id, v", (n, "é"))
                _ask(cursor, f"INSERT INTO item VALUES ({n + 10}, 'x'); SELECT * FROM item")
                _ask(cursor, "UPDATE item SET v = NULL WHERE id = 1")
                _ask(cursor, "INSERT INTO one SELECT 1 WHERE EXISTS (SELECT FROM one)")
                _ask(cursor, "SELECT looks(%s), %s::numeric", (n, 1.5), binary=True)
            with connection.transaction():
                _ask(cursor, "SELECT * FROM item WHERE id = 1 FOR UPDATE")
                _ask(cursor, "INSERT INTO noisy VALUES (1)")
            with cursor.copy("COPY item FROM STDIN") as copy:
                copy.write_row((50, "copied"))
            _ask(cursor, "DELETE FROM item WHERE id >= %s", (2,))
        with contextlib.suppress(psycopg.Error), connection.pipeline():
            for n in range(3):
                connection.execute("INSERT INTO item VALUES (%s, 'piped') RETURNING id", (n,))
        connection.pgconn.untrace()
    return [line for line in traced.read_text().splitlines() if not line.startswith("F")]


def _ask(cursor, *args, **how):
    with contextlib.suppress(psycopg.Error):
        cursor.execute(*args, **how)


def test_a_driver_is_answered_the_same(two, all_apart, tmp_path):
    async def use(url):
        return await asyncio.to_thread(_driven, url, tmp_path)

    direct, tapped, seen = compared(two, use)
    assert tapped == direct
    assert len(direct) > 100
    assert seen.count(COMMIT) > 10
