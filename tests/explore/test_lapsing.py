"""When a search is made again with leases over, and what a script with that time is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg
import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.attempts import Player
from paidonce.harness.explore.control.leases import Lease
from paidonce.harness.explore.footprint.model import LOCAL
from paidonce.harness.explore.lapsing import in_schema, time_to_end
from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest
from paidonce.harness.service.passing import EVERY_LEASE_OVER, Passing
from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.scenarios.catalog import scenario

KEY, LONGER, UNTOLD = Lease("a key", 30.0), Lease("another", 90.0), Lease("a script's")
ROW, OWN = Lease("a row", row=("jobs", "until")), Lease("its own clock", endless=True)
BEAT, TWICE = Lease("a number", row=("jobs", "beat")), Lease("which", row=("twice", "until"))
READ, BOTH = Lease("until when", row=("", "until")), Lease("since", row=("", "taken"))
MIXED = Lease("of what", row=("", "pulse"))
MAYBE = Lease("maybe of that", row=("", "pulse"), sure=False)
GONE = Lease("no such table", row=("job", "until"))


@pytest.fixture
def tables(explore_url):
    """A database with times of several types, and two tables of one name."""
    with psycopg.connect(explore_url, autocommit=True) as made:
        made.execute(
            "CREATE SCHEMA queue; CREATE SCHEMA other;"
            "CREATE TABLE queue.jobs (id int, until timestamptz, beat bigint);"
            "CREATE TABLE queue.orders (taken timestamptz);"
            "CREATE SCHEMA paidonce_saved CREATE TABLE orders (taken timestamptz);"
            "CREATE TABLE queue.twice (until timestamp, pulse int);"
            "CREATE TABLE queue.pulses (pulse timestamptz);"
            "CREATE TABLE other.twice (until timestamp);"
        )
    return explore_url


def passing(leases, url):
    async def asked():
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await time_to_end(leases, connection)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("leases", "seconds"),
    [
        ((KEY,), 30),
        ((KEY, LONGER), 90),
        ((KEY, UNTOLD), 300),
        ((ROW,), 0),
        ((KEY, ROW), 30),
        ((BOTH,), 0),
        # In whatever table it is, and in both of one name.
        ((READ,), 0),
        ((TWICE,), 0),
    ],
)
def test_time_passes_until_the_longest_is_over(tables, leases, seconds):
    found = passing(leases, tables)
    assert found.seconds == seconds
    assert all(one.ended_by(found) for one in leases)


def test_a_time_of_any_table_that_may_be_meant_passes(tables):
    found = passing((READ, MAYBE), tables)
    assert [one.split()[1] for one in found.sql] == [
        '"other"."twice"',
        '"queue"."jobs"',
        '"queue"."pulses"',
        '"queue"."twice"',
    ]


@pytest.mark.parametrize("leases", [(), (OWN,), (KEY, OWN), (BEAT,), (MIXED,), (KEY, GONE)])
def test_none_passes_where_one_would_not_be_over(tables, leases):
    assert passing(leases, tables) is None


def test_what_a_row_is_taken_for_is_over_then_and_nothing_else(tables):
    (statement,) = passing((ROW,), tables).sql
    with psycopg.connect(tables) as connection:
        connection.execute(
            "INSERT INTO queue.jobs VALUES (1, now() + interval '30 s'), (2, NULL),"
            "(3, '-infinity'), (4, now() - interval '50 min'), (5, now() - interval '1 day'),"
            "(6, now() + interval '1 day')"
        )
        connection.execute(statement)
        rows = connection.execute(
            "SELECT id FROM queue.jobs WHERE until > now() - interval '1 h' ORDER BY id"
        )
        assert rows.fetchall() == [(6,)]
        long_ago = connection.execute(
            "SELECT until - (now() - interval '1 day') FROM queue.jobs WHERE id = 5"
        )
        assert long_ago.fetchall() == [(timedelta(0),)]
        connection.rollback()


def test_a_time_that_is_part_of_a_reference_stays_and_is_named(tables):
    with psycopg.connect(tables, autocommit=True) as made:
        made.execute(
            "CREATE TABLE queue.sales (at timestamptz PRIMARY KEY, held timestamptz);"
            "CREATE TABLE queue.lines (sold timestamptz REFERENCES queue.sales (at));"
            "INSERT INTO queue.sales VALUES (now(), now() + interval '30 s');"
            "INSERT INTO queue.lines VALUES (now())"
        )
        lease = passing((Lease("held", row=("sales", "held")),), tables)
        made.execute("SET session_replication_role = replica")
        made.execute(lease.sql[0])
        held = made.execute("SELECT held < now() FROM queue.sales JOIN queue.lines ON at = sold")
        assert held.fetchall() == [(True,)]
        # What only may matter is named, and what is sure to is not let run out.
        assert passing((Lease("sold", row=("lines", "sold")),), tables) is None
        maybe = Lease("sold", row=("lines", "sold"), sure=False)
        found = passing((maybe,), tables)
        before = made.execute("SELECT pg_current_snapshot()::text").fetchone()[0]
        assert made.execute(found.sql[0]).fetchone() is None
        left = {"before": before, "by": None}
        assert made.execute(found.left[0], left).fetchall() == [("lines.sold",)]


@pytest.mark.parametrize("body", ["new.until := old.until; RETURN new", "RETURN NULL"])
def test_a_time_that_a_trigger_keeps_is_left_and_one_that_is_taken_anew_is_not(tables, body):
    lease = passing((ROW,), tables)
    with psycopg.connect(tables, autocommit=True) as made:
        made.execute("INSERT INTO queue.jobs VALUES (1, now() + interval '30 s')")
        before = made.execute("SELECT pg_current_snapshot()::text").fetchone()[0]
        (by,) = made.execute(lease.sql[0]).fetchone()
        left = {"before": before, "by": by}
        assert made.execute(lease.left[0], left).fetchall() == []
        made.execute("UPDATE queue.jobs SET until = now() + interval '30 s'")
        assert made.execute(lease.left[0], left).fetchall() == []
        made.execute(
            f"CREATE FUNCTION queue.keeps() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {body}; END $$;"
            "CREATE TRIGGER keeps BEFORE UPDATE ON queue.jobs"
            " FOR EACH ROW EXECUTE FUNCTION queue.keeps();"
        )
        before = made.execute("SELECT pg_current_snapshot()::text").fetchone()[0]
        met = made.execute(lease.sql[0]).fetchone()
        left = {"before": before, "by": met and met[0]}
        assert made.execute(lease.left[0], left).fetchall() == [("jobs.until",)]
        made.execute("SET session_replication_role = replica")
        met = made.execute(lease.sql[0]).fetchone()
        assert made.execute(lease.left[0], {"before": before, "by": met[0]}).fetchall() == []


def test_what_functions_triggers_and_views_compare_is_told_by_the_names_that_are_spoken_of(tables):
    with psycopg.connect(tables, autocommit=True) as made:
        made.execute(
            "CREATE FUNCTION queue.take() RETURNS bool LANGUAGE sql AS"
            " $$ SELECT until < now() FROM queue.jobs $$;"
            "CREATE FUNCTION queue.other() RETURNS bool LANGUAGE sql AS $$ SELECT true $$;"
            "CREATE VIEW queue.free AS SELECT id FROM queue.jobs WHERE until < now();"
            "CREATE FUNCTION queue.checks() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN ASSERT new.taken < clock_timestamp(); RETURN new; END $$;"
            "CREATE TRIGGER checks BEFORE INSERT ON queue.orders"
            " FOR EACH ROW EXECUTE FUNCTION queue.checks();"
        )

    def told(*spoken):
        async def asked():
            async with await psycopg.AsyncConnection.connect(tables, autocommit=True) as connection:
                return await in_schema(spoken, connection)

        return {one.row[1] for one in asyncio.run(asked())}

    assert "until" in told("take")
    assert "until" in told("free")
    assert "taken" in told("orders")
    assert told("other", "jobs") == set()


def test_all_times_of_a_row_that_are_near_are_moved_together_but_tokens(tables):
    with psycopg.connect(tables, autocommit=True) as made:
        made.execute(
            "CREATE TABLE queue.tasks (until timestamptz, made timestamptz, token timestamptz,"
            " born timestamptz, CHECK (until > made))"
        )
        made.execute(
            "INSERT INTO queue.tasks VALUES (now() + interval '30 s', now(), now(), '2001-01-01')"
        )

    async def asked(*tokens):
        async with await psycopg.AsyncConnection.connect(tables, autocommit=True) as connection:
            lease = Lease("a task", row=("tasks", "until"))
            return await time_to_end((lease,), connection, tokens)

    (statement,) = asyncio.run(asked("token")).sql
    with psycopg.connect(tables) as connection:
        connection.execute(statement)
        found = connection.execute(
            "SELECT until - made, now() - until > '1 h', token = now() OR token > now() - interval"
            " '1 min', born FROM queue.tasks"
        ).fetchone()
    assert found[:3] == (timedelta(seconds=30), True, True)
    assert found[3].year in (2000, 2001)
    assert asyncio.run(asked("until")) is None


FILE = """
name = "shop"
[[process]]
name = "web"
command = "serve {port}"
ready = "/health"
[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "POST /pay"
[success]
status = 200
[observe.charges]
stripe = "charges"
[[invariants]]
name = "one charge"
check = "charges <= 1"
"""


def script(tmp_path, more=""):
    path = tmp_path / "target.toml"
    path.write_text(FILE + more)
    return script_of(load_target(path))


def names(played):
    return [attempt.name for attempt in played.attempts]


def test_a_target_has_the_time_until_it_is_taken_away(tmp_path):
    plain = script(tmp_path)
    lapsed = plain.lapsing(Passing(30))
    assert names(lapsed) == ["tab 1", "tab 2", EVERY_LEASE_OVER]
    assert lapsed.attempts[-1].passing.seconds == 30
    assert lapsed.lapsing(Passing(30)) is lapsed
    assert names(lapsed.lapsing(Passing(60))) == names(lapsed)
    assert names(lapsed.lapsing(None)) == names(plain)
    assert names(lapsed.told_by(["tab 2", EVERY_LEASE_OVER])) == ["tab 2", EVERY_LEASE_OVER]
    assert names(lapsed.keeping(["tab 1"]).whole) == names(lapsed)


def test_it_has_a_name_of_its_own(tmp_path):
    clash = script(tmp_path, f'\n[[time]]\nname = "{EVERY_LEASE_OVER}"\nseconds = 5\n')
    with pytest.raises(UsageError, match=f"target.toml: '{EVERY_LEASE_OVER}' names"):
        clash.lapsing(Passing(30))


def test_a_scenario_has_it_too():
    story = scenario("two_tabs").in_search
    lapsed = story.lapsing(Passing(30))
    assert names(lapsed) == [*names(story), EVERY_LEASE_OVER]
    assert names(lapsed.told_by([EVERY_LEASE_OVER, *names(story)])) == names(lapsed)
    assert lapsed.lapsing(None) == story


@pytest.mark.parametrize(("ours", "heard"), [(None, True), (LOCAL, False)])
def test_time_that_passes_goes_by_no_answer(ours, heard):
    """How many rows an UPDATE has met depends on the executions before."""
    player = Player("one", ours=ours, heard=[AnswerDigest("UPDATE 3", "UPDATE 3")])
    assert (player.listened() != NOTHING) is heard
    assert player.heard == []
