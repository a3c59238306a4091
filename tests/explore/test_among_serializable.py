"""Serializable transactions fail for what their like have looked at, and for nobody else's."""

from __future__ import annotations

import psycopg
import pytest

from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker

SCHEMA = (
    "CREATE TABLE duty (doctor int PRIMARY KEY, on_call bool);"
    "INSERT INTO duty VALUES (1, true), (2, true)"
)
LOOKS = "SELECT count(*) FROM duty WHERE on_call"
LEAVES = "UPDATE duty SET on_call = false WHERE doctor = {}"
LEVELS = ["READ COMMITTED", "SERIALIZABLE"]


@pytest.fixture
def url(explore_url: str) -> str:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    return explore_url


def begun(tracker: TransactionTracker, level: str) -> TransactionTracker:
    for sql in (f"BEGIN ISOLATION LEVEL {level}", LOOKS):
        step(tracker, sql)
    return tracker


def step(tracker: TransactionTracker, sql: str) -> Footprint:
    tracker.expect([Query(sql)])
    return tracker.done(waited=False)


@pytest.mark.parametrize("level", LEVELS)
def test_of_two_that_look_and_write_one_fails_where_both_are_serializable(
    url: str, level: str
) -> None:
    """What the footprints say below, as the server has it."""
    with psycopg.connect(url, autocommit=True) as one, psycopg.connect(url, autocommit=True) as two:
        one.execute(b"BEGIN ISOLATION LEVEL SERIALIZABLE")
        two.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        for session, doctor in ((one, 1), (two, 2)):
            session.execute(LOOKS.encode())
            session.execute(LEAVES.format(doctor).encode())
        two.execute(b"COMMIT")
        if level == "SERIALIZABLE":
            with pytest.raises(psycopg.errors.SerializationFailure):
                one.execute(b"COMMIT")
        else:
            one.execute(b"COMMIT")


@pytest.mark.parametrize("level", LEVELS)
def test_a_write_meets_the_end_of_who_has_looked_among_serializable_ones_alone(
    url: str, level: str
) -> None:
    sessions = SqlSessions(url)
    one = begun(sessions.tracker("one"), "SERIALIZABLE")
    two = begun(sessions.tracker("two"), level)
    wrote, ended = step(two, LEAVES.format(2)), step(one, "COMMIT")
    assert wrote.conflicts(ended) is (level == "SERIALIZABLE")


def test_each_still_sees_what_others_have_written(url: str) -> None:
    sessions = SqlSessions(url)
    one = sessions.tracker("one")
    step(one, "BEGIN ISOLATION LEVEL SERIALIZABLE")
    wrote, looked = step(sessions.tracker("two"), LEAVES.format(2)), step(one, LOOKS)
    assert wrote.conflicts(looked)


def test_two_that_write_one_row_meet_whatever_their_levels_are(url: str) -> None:
    sessions = SqlSessions(url)
    one = begun(sessions.tracker("one"), "SERIALIZABLE")
    assert step(one, LEAVES.format(2)).conflicts(step(sessions.tracker("two"), LEAVES.format(2)))
