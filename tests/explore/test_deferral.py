"""What makes a holder's lock one that nobody need be let wait for, and what ends that."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.control.attempts import Arrival, Player
from paidonce.harness.explore.control.deferral import DeferralTracker
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.taps.postgres import Answer, Statement, Unit

SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, status text);
CREATE TABLE payments (id int PRIMARY KEY, order_id int REFERENCES orders);
CREATE TABLE counters (name text PRIMARY KEY, n int);
CREATE FUNCTION free() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'SELECT pg_advisory_unlock_all()'; END $$;
"""
LOCK = "SELECT * FROM orders WHERE id = 1 FOR UPDATE"
WEAKLY = "UPDATE orders SET status = 'paid' WHERE id = 1"
INSERT = "INSERT INTO orders VALUES (1, 'unpaid') ON CONFLICT DO NOTHING"
COUNT = "UPDATE counters SET n = n + 1 WHERE name = 'x'"


@pytest.fixture(scope="module")
def url(explore_server: PostgresServer) -> Iterator[str]:
    name = database_name("late")
    found = explore_server.create_database(name)
    with psycopg.connect(found, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    yield found
    explore_server.drop_database(name)


class Story:
    """Units of two attempts, each with a session of its own; every statement finds one row."""

    def __init__(self, url: str) -> None:
        self.sessions = SqlSessions(url)
        self.late = DeferralTracker(self.sessions)
        self._players = {name: Player(name) for name in ("a", "b")}

    def runs(self, actor: str, *texts: str) -> None:
        for text in texts:
            arrival = self._arrival(actor, text)
            call, tracker = arrival.call, self.sessions.tracker(arrival.session)
            assert isinstance(call, Unit)
            touches = tracker.expect(call.statements)
            self.late.read(arrival.session, touches)
            call.answer = Answer(tags=["SELECT 1"])
            call.status_after = "T" if tracker.inside or text == "BEGIN" else "I"
            tracker.done(status=call.status_after)
            self.late.answered(call, arrival.session, actor, waited=False)

    def waits(self, actor: str, text: str) -> bool:
        """Whether all the statement could do is wait."""
        arrival = self._arrival(actor, text)
        assert isinstance(arrival.call, Unit)
        return self.late.deferred(arrival.call, arrival.session, actor)

    def _arrival(self, actor: str, text: str) -> Arrival:
        unit = Unit(seq=1, session=1, pid=1, ends="query", statements=(Statement(text),))
        return Arrival(unit, f"of {actor}", owner=self._players[actor])


@pytest.fixture
def story(url: str) -> Story:
    return Story(url)


@pytest.mark.parametrize("holds", [LOCK, WEAKLY])
def test_a_row_that_was_there_is_waited_for(story: Story, holds: str) -> None:
    story.runs("a", "BEGIN", holds, COUNT)
    story.runs("b", "BEGIN")
    assert story.waits("b", LOCK)
    assert story.late.unsafe is None


@pytest.mark.parametrize(
    "ends",
    ["COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "SELECT free()"],
)
def test_a_transaction_that_is_open_need_not_be_the_one_that_locked(
    story: Story, ends: str
) -> None:
    """The status of the session is T before and after (manual, COMMIT and ROLLBACK)."""
    story.runs("a", "BEGIN", LOCK)
    story.runs("b", "BEGIN")
    assert story.waits("b", LOCK)
    story.runs("a", ends)
    assert story.sessions.tracker("of a").inside
    assert not story.waits("b", LOCK)
    if "(" not in ends:  # who may have done anything may have made the row
        story.runs("a", LOCK)
        assert story.waits("b", LOCK)


def test_nobody_waits_for_a_row_that_he_cannot_see_yet(story: Story) -> None:
    story.runs("a", "BEGIN", INSERT, WEAKLY)
    story.runs("b", "BEGIN")
    assert not story.waits("b", LOCK)
    assert story.late.unsafe is None


@pytest.mark.parametrize(
    ("holds", "then", "why"),
    [
        (LOCK, INSERT, "may be put where another was"),
        (LOCK, "LOCK TABLE orders IN SHARE MODE", "locks all of it"),
        (LOCK, "TRUNCATE orders", "locks all of it"),
        (WEAKLY, LOCK, "more strongly"),
        (WEAKLY, "DELETE FROM orders WHERE id = 1", "more strongly"),
    ],
)
def test_what_a_waiting_statement_would_be_in_the_way_of(
    story: Story, holds: str, then: str, why: str
) -> None:
    story.runs("a", "BEGIN", holds)
    assert story.late.unsafe is None
    story.runs("a", then)
    assert why in (story.late.unsafe or "")


@pytest.mark.parametrize(
    ("holds", "then"),
    [
        (LOCK, "DELETE FROM orders WHERE id = 1"),
        (LOCK, LOCK),
        (WEAKLY, WEAKLY),
        (WEAKLY, "SELECT * FROM orders WHERE id = 2 FOR UPDATE"),
        (COUNT, "DELETE FROM counters WHERE name = 'x'"),
        (LOCK, "LOCK TABLE counters"),
    ],
)
def test_what_it_would_not_be_in_the_way_of(story: Story, holds: str, then: str) -> None:
    story.runs("a", "BEGIN", holds, then)
    assert story.late.unsafe is None
