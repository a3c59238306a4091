"""Specs for isolationtester: how they are written, and that the real one runs them."""

from __future__ import annotations

import re
import subprocess

import psycopg
import pytest
from narratives import Recorded, lock_story, witness

from paidonce.harness.backends.shared import database_name
from paidonce.harness.backends.wheels import postgres_tool
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.witness.export import (
    Snapshot,
    TableName,
    isolation_spec,
    statements_of,
    take_snapshot,
)
from paidonce.harness.explore.witness.export.snapshot import closed, named_in, setup_of, teardown_of
from paidonce.harness.explore.witness.narrative import narrate

EMPTY = Snapshot(setup="SELECT 1;", teardown="")

SCHEMA = """
CREATE TABLE orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    status text NOT NULL DEFAULT 'unpaid',
    extra jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE payments (
    id serial PRIMARY KEY,
    customer int REFERENCES customers,
    note text
);
CREATE TABLE audit (line text);
CREATE TABLE unrelated (big text);
CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- } in a comment, and a row in another table
    INSERT INTO audit VALUES ('{' || NEW.status || '}');
    RETURN NEW;
END $$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION changed();
INSERT INTO orders (extra) VALUES ('{"it''s": ["a\\\\b", {}]}');
INSERT INTO customers VALUES (1, E'two\\n\\n\\n\\nlines; -- Name: x');
INSERT INTO unrelated VALUES ('seed');
"""


@pytest.fixture
def shop(explore_url):
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    return explore_url


@pytest.fixture
def elsewhere(explore_server):
    name = database_name("spec")
    yield explore_server.create_database(name)
    explore_server.drop_database(name)


def run(spec, url):
    """What isolationtester printed, without the blanks by which it lines columns up."""
    done = subprocess.run(
        [postgres_tool("isolationtester"), url],
        input=spec,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return re.sub(r" +", " ", done.stdout)


def permutation(spec):
    return [line.strip() for line in spec.split("\npermutation\n")[1].splitlines()]


# --- how they are written ---------------------------------------------------------------------


def test_attempts_are_sessions_units_are_steps_and_calls_to_stripe_are_comments():
    spec = isolation_spec(lock_story(), EMPTY)
    assert permutation(spec) == [
        "tab_1_1",
        "tab_1_2",
        "tab_2_3",
        "tab_2_4",
        "# tab 2 waits here for a lock",
        "# step 5, tab 1: stripe payment_intent.create POST /v1/payment_intents amount=4990 "
        "Idempotency-Key=key-tab 1 -> 200 pi_1 succeeded",
        "tab_1_6",
        "tab_2_8",
    ]
    assert re.findall(r"^session (\w+)$", spec, re.MULTILINE) == ["tab_1", "tab_2"]
    assert "step tab_1_2 { UPDATE orders SET status = 'paid' WHERE id = '1' }" in spec
    assert "# one-success: order 1 was paid 2 times" in spec


def test_two_connections_at_once_are_two_sessions_and_one_after_the_other_are_one():
    it = Recorded()
    it.asks(0, "tab 1")
    it.sql("tab 1", "SELECT 1", session=7)
    it.sql("tab 1", "BEGIN", session=8, after="T")
    it.sql("tab 1", "SELECT 2", session=7)
    it.sql("tab 1", "COMMIT", session=8)
    it.sql("tab 1", "SELECT 3", session=9)
    spec = isolation_spec(narrate(witness(("tab 1", "start")), it.history), EMPTY)
    assert permutation(spec) == ["tab_1_1", "tab_1_1b", "tab_1b_1", "tab_1_1c", "tab_1_1d"]
    assert "step tab_1b_1 { SELECT 2 }" in spec


def test_a_transaction_left_open_is_ended_and_a_closed_one_is_left_alone():
    it = Recorded()
    it.asks(0, "tab 1")
    it.sql("tab 1", "BEGIN", after="T")
    spec = isolation_spec(narrate(witness(("tab 1", "start")), it.history), EMPTY)
    assert "teardown { ROLLBACK; }" in spec
    assert "ROLLBACK" not in isolation_spec(lock_story(), EMPTY)


def test_what_cannot_be_run_again_is_a_comment():
    it = Recorded()
    it.asks(0, "tab 1")
    it.sql("tab 1", "COPY orders FROM STDIN")
    it.sql("tab 1", "prepare SELECT ?", "SELECT $1")
    it.sql("tab 1", "unknown statement", "")
    it.redis("tab 1")
    it.sql("tab 1", "SELECT 1; SELECT 2", "SELECT 1;", "SELECT 2;")
    spec = isolation_spec(narrate(witness(("tab 1", "start")), it.history), EMPTY)
    *comments, step = permutation(spec)
    assert len(comments) == 4
    assert all(comment.startswith("# step 1, tab 1: ") for comment in comments)
    assert step == "tab_1_1"
    assert "step tab_1_1\n{\nSELECT 1;\nSELECT 2\n}" in spec


def test_names_of_attempts_become_words_and_stay_apart():
    names = ("tab-1", "tab 1", "1st", "→")
    it = Recorded()
    for op, name in enumerate(names):
        it.asks(op, name)
        it.sql(name, "SELECT 1")
    found = witness(*((name, "start") for name in names), attempts=names)
    spec = isolation_spec(narrate(found, it.history), EMPTY)
    sessions = re.findall(r"^session (\w+)$", spec, re.MULTILINE)
    assert sessions == ["tab_1", "tab_1b", "a_1st", "a"]


def test_a_statement_that_no_spec_can_hold_is_refused():
    it = Recorded()
    it.asks(0, "tab 1")
    it.sql("tab 1", "SELECT }")
    with pytest.raises(UsageError, match="closing brace"):
        isolation_spec(narrate(witness(("tab 1", "start")), it.history), EMPTY)


# --- snapshots ----------------------------------------------------------------------------------


def test_tables_are_found_by_name_and_by_what_they_refer_to():
    a, b, c, d = (TableName("public", name) for name in ("a", "b", "c", "order$x"))
    texts = ["SELECT * FROM A JOIN bb ON true", 'UPDATE public."order$x" SET n = 1']
    assert named_in([a, b, c, d], texts) == (a, d)
    assert closed({a}, [(a, b), (b, c), (d, a)]) == {a, b, c}


def test_a_snapshot_has_the_rows_that_matter_and_names_those_left_out(shop):
    snapshot = take_snapshot(shop, ["UPDATE orders SET status = 'x'", "TABLE payments"])
    assert [table.name for table in snapshot.touched] == ["orders", "payments"]
    assert [table.name for table in snapshot.left_out] == ["unrelated"]
    assert "INSERT INTO public.customers" in snapshot.setup
    assert "INSERT INTO public.unrelated" not in snapshot.setup
    assert "}" not in snapshot.setup + snapshot.teardown
    assert "restrict " not in snapshot.setup
    assert "SET default" not in snapshot.setup + snapshot.teardown


def test_a_snapshot_makes_the_same_database_again(shop, elsewhere):
    snapshot = take_snapshot(shop, ["orders payments audit"])
    question = """SELECT (SELECT jsonb_agg(to_jsonb(o)) FROM orders o),
        (SELECT jsonb_agg(to_jsonb(c)) FROM customers c),
        (SELECT array_agg(line) FROM audit), nextval('payments_id_seq')"""
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute(snapshot.setup.encode())
        copied = connection.execute(question).fetchone()
    with psycopg.connect(shop, autocommit=True) as connection:
        assert copied == connection.execute(question).fetchone()
    # The trigger is made after the rows, or there would be a second line for the first order.
    assert copied[2] == ["{unpaid}"]
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute(snapshot.teardown.encode())
        left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert connection.execute(left).fetchone() == (0,)


def test_an_empty_database_has_an_empty_snapshot(explore_url):
    snapshot = take_snapshot(explore_url, [])
    assert (snapshot.setup, snapshot.teardown) == ("", "")
    assert setup_of("") == teardown_of("") == ""


# --- the real isolationtester ---------------------------------------------------------------------


def test_isolationtester_runs_it_and_the_second_waits_for_the_first(shop, elsewhere):
    story = lock_story()
    spec = isolation_spec(story, take_snapshot(shop, statements_of(story)))
    printed = run(spec, elsewhere)
    assert "starting permutation: tab_1_1 tab_1_2 tab_2_3 tab_2_4 tab_1_6 tab_2_8" in printed
    assert "step tab_2_4: UPDATE orders SET status = 'paid' WHERE id = '1' <waiting ...>" in printed
    assert printed.index("step tab_1_6: COMMIT") < printed.index("step tab_2_4: <... completed>")
    assert re.search(r"1\|paid *\|", printed)
    assert "ERROR" not in printed
    assert run(spec, elsewhere).count("Parsed test spec with 3 sessions") == 1, "it cleans up"


def test_a_deadlock_has_the_same_victim(shop, elsewhere):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("INSERT INTO orders DEFAULT VALUES")
    it = Recorded()
    labels = {n: f"UPDATE orders SET status = 'x' WHERE id = {n}" for n in (1, 2)}
    for op, name in enumerate(("tab 1", "tab 2")):
        it.asks(op, name)
        it.sql(name, "BEGIN", session=op, after="T")
        it.sql(name, labels[op + 1], session=op, after="T")
    error = {"severity": "ERROR", "sqlstate": "40P01", "message": "deadlock detected"}
    it.sql("tab 2", labels[1], session=1, tags=(), error=error, after="E")
    it.sql("tab 2", "ROLLBACK", session=1)
    it.sql("tab 1", labels[2], session=0, after="T")
    it.sql("tab 1", "COMMIT", session=0)
    found = witness(
        ("tab 1", "start"),
        ("tab 1", f"postgres {labels[1]}"),
        ("tab 2", "start"),
        ("tab 2", f"postgres {labels[2]}"),
        ("tab 1", f"postgres {labels[2]}", "waits"),
        ("tab 2", f"postgres {labels[1]}", "wakes", "tab 1"),
        ("tab 1", "answer"),
        ("tab 1", "postgres COMMIT"),
    )
    story = narrate(found, it.history)
    printed = run(isolation_spec(story, take_snapshot(shop, statements_of(story))), elsewhere)
    assert f"step tab_1_5: {labels[2]} <waiting ...>" in printed
    assert printed.count("deadlock detected") == 1
    failed = printed[: printed.index("deadlock detected")].rstrip().splitlines()
    assert any("tab_2_6" in line for line in failed[-4:])
    assert "tab_1_8: COMMIT" in printed
