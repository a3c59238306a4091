"""Which commands and statements take something that runs out by itself."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from tap_readers import reader_of

from paidonce.harness.explore.control.leases import Held, Lease, Leases
from paidonce.harness.explore.control.row_leases import RowLeases
from paidonce.harness.explore.control.time_expressions import interval_seconds
from paidonce.harness.service.passing import Passing
from paidonce.harness.taps.redis import RedisCommand

LOCK = b"if redis.call('exists', KEYS[1]) == 0 then redis.call('set', KEYS[1], 1, 'px', 500) end"
UNLOCK = b"if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
COUNT = b"if redis.call('incr', KEYS[1]) == 1 then redis.call('expire', KEYS[1], 60) end"


def found(*commands: tuple[bytes, ...]) -> list[str]:
    leases = Leases()
    for seq, (name, *args) in enumerate(commands, start=1):
        command = RedisCommand(seq, 1, name.decode().upper(), tuple(args))
        reader_of(command, leases=leases).sends(command, "tab 1")
    return [lease.words for lease in leases.found.values()]


@pytest.mark.parametrize(
    ("commands", "held"),
    [
        ([(b"SET", b"pay:1", b"t", b"NX", b"EX", b"30")], "for 30 s"),
        ([(b"SET", b"pay:1", b"t", b"NX", b"EX", b"300")], "for 300 s"),
        ([(b"SET", b"pay:1", b"t", b"px", b"1500", b"nx")], "for 1.5 s"),
        ([(b"SET", b"pay:1", b"t", b"NX", b"PXAT", b"1999999999999")], "until a moment"),
        ([(b"SETNX", b"pay:1", b"t"), (b"EXPIRE", b"pay:1", b"10")], "for 10 s"),
        ([(b"SETNX", b"pay:1", b"t"), (b"PEXPIREAT", b"pay:1", b"19")], "until a moment"),
        ([(b"EVAL", LOCK, b"1", b"pay:1")], "for a time that its script sets"),
        (
            [
                (b"SCRIPT", b"LOAD", LOCK),
                (b"EVALSHA", hashlib.sha1(LOCK).hexdigest().encode(), b"1", b"pay:1"),
            ],
            "for a time that its script sets",
        ),
    ],
)
def test_a_key_that_is_taken_for_a_time_is_a_lease(commands, held):
    (said,) = found(*commands)
    assert said.endswith(f"takes a key {held}")


@pytest.mark.parametrize(
    "commands",
    [
        [(b"SET", b"cache:1", b"x", b"EX", b"30")],
        [(b"SETEX", b"cache:1", b"30", b"x")],
        [(b"SET", b"pay:1", b"t", b"NX")],
        [(b"SETNX", b"pay:1", b"t")],
        [(b"SET", b"answer:1", b"x", b"NX", b"EX", b"86400")],
        [(b"SET", b"claim:1", b"x", b"NX", b"PX", b"600000")],
        [(b"INCR", b"rate:1"), (b"EXPIRE", b"rate:1", b"60")],
        [(b"EVAL", UNLOCK, b"1", b"pay:1", b"t")],
        [(b"EVAL", COUNT, b"1", b"rate:1")],
        [(b"EVALSHA", b"0" * 40, b"1", b"pay:1")],
    ],
)
def test_other_keys_that_run_out_are_none(commands):
    assert found(*commands) == []


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        (
            "UPDATE job SET taken_until = now() + interval '30 s' "
            "WHERE id = $1 AND (taken_until IS NULL OR taken_until < now()) RETURNING id",
            "taken_until",
        ),
        (
            "WITH t AS (UPDATE o SET held = CURRENT_TIMESTAMP WHERE id = $1 AND "
            "held + interval '1 min' < clock_timestamp() OR now() > o.held RETURNING id) "
            "SELECT id FROM t",
            "held",
        ),
        (
            "INSERT INTO keys (key) VALUES ($1) ON CONFLICT (key) DO UPDATE SET made_at = now() "
            "WHERE keys.answer IS NULL AND keys.made_at < now() - interval '5 s' RETURNING key",
            "made_at",
        ),
        ("UPDATE o SET held = now() WHERE id = $1 AND held + interval '5 s' < now()", "held"),
        ("UPDATE o SET until = now() + interval '1 hour' WHERE until < now()", ""),
        ("UPDATE o SET until = now() + 5 * interval '1 hour' WHERE until < now()", "until"),
        ("UPDATE o SET seen_at = now() WHERE id = $1", ""),
        ("UPDATE o SET status = 'late' WHERE due < now()", ""),
        ("UPDATE o SET version = $2 WHERE version < $2", ""),
        ("SELECT * FROM o WHERE created_at > now() - interval '1 day'", ""),
        ("DELETE FROM session WHERE expires_at < now()", ""),
        ("not sql at all", ""),
    ],
)
def test_a_row_that_is_taken_by_the_clock_is_a_lease(sql, column):
    row = RowLeases().saw(sql)
    assert (row[1] if row else "") == column


def told(*statements: tuple[str, list[str | None]]) -> list[str]:
    leases = RowLeases()
    rows = [leases.saw(sql, params) for sql, params in statements]
    return [row[1] if row else "" for row in rows]


def from_now(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


TAKE = "UPDATE o SET until = $1 WHERE id = $2 AND (until IS NULL OR until < $3)"
SWEEP = "DELETE FROM locks WHERE name = $1 AND until < now()"
ADD = "INSERT INTO locks (name, until) VALUES ($1, $2) ON CONFLICT DO NOTHING"
FIND = "SELECT id FROM jobs WHERE taken_at < now() - interval '30 s' LIMIT 1 FOR UPDATE SKIP LOCKED"


def test_the_time_may_be_the_services_own():
    now = from_now(0)
    assert told((TAKE, [from_now(30), "7", now])) == ["until"]
    assert told((TAKE, [from_now(7200), "7", now])) == [""]
    assert told((TAKE, ["2001-01-01 00:00:00+00", "7", "2001-01-01 00:00:00+00"])) == [""]


def test_what_has_run_out_is_deleted_and_taken_anew():
    assert told((SWEEP, ["a"]), (ADD, ["a", from_now(10)])) == ["", "until"]
    assert told((ADD, ["a", from_now(10)])) == [""]
    assert told((SWEEP, ["a"]), (ADD, ["a", from_now(7200)])) == ["", ""]
    old = "DELETE FROM keys WHERE made_at < now() - interval '1 day'"
    assert told((old, []), ("INSERT INTO keys (key) VALUES ($1)", ["a"])) == ["", ""]
    old = "DELETE FROM keys WHERE made_at < now() - interval '1 min'"
    assert told((old, []), ("INSERT INTO keys (key) VALUES ($1)", ["a"])) == ["", "made_at"]


def test_what_has_run_out_is_locked_and_taken_anew():
    mark = "UPDATE jobs SET taken_at = now() WHERE id = $1"
    assert told((FIND, []), (mark, ["7"])) == ["", "taken_at"]
    assert told((mark, ["7"])) == [""]


@pytest.mark.parametrize(
    ("passing", "ended"),
    [
        (Passing(60), False),
        (Passing(sql=("UPDATE job SET taken_until = now() WHERE id = 7",)), True),
        (Passing(sql=("SELECT 1", "UPDATE public.job SET taken_until = NULL, n = 2")), True),
        (Passing(sql=("UPDATE job SET seen_at = now()",)), False),
        (Passing(sql=("UPDATE other SET taken_until = now()",)), False),
        (Passing(sql=("SELECT taken_until FROM job",)), False),
    ],
)
def test_a_row_is_free_again_once_a_statement_has_set_its_column(passing, ended):
    assert Lease("it takes a row", row=("job", "taken_until")).ended_by(passing) is ended


@pytest.mark.parametrize(
    ("seconds", "passes", "ended"),
    [(30.0, 30, True), (30.0, 29, False), (None, 300, True), (None, 60, False)],
)
def test_a_key_is_free_again_once_its_time_has_passed(seconds, passes, ended):
    assert Lease("it takes a key", seconds).ended_by(Passing(passes)) is ended


def test_of_one_command_the_longest_lease_counts():
    leases = Leases()
    for seconds in (10.0, 40.0, 20.0):
        leases.took("SET NX EX pay", Held(f"for {seconds:g} s", seconds))
    (lease,) = leases.found.values()
    assert lease.seconds == 40
    leases.took("SET NX EX pay", Held("until a moment"))
    assert leases.found["SET NX EX pay"].seconds is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30 s", 30),
        ("5 minutes", 300),
        ("1 day 2 hours", 93600),
        ("00:01:30", 90),
        ("1 day 00:00:01", 86401),
        ("paid", None),
        ("", None),
    ],
)
def test_how_long_an_interval_is(text, seconds):
    assert interval_seconds(text) == seconds


@pytest.mark.parametrize(("name", "named"), [("BLPOP", True), ("LPOP", False)])
def test_a_command_that_waits_in_vain_is_named(name, named):
    command = RedisCommand(1, 1, name, (b"jobs", b"1"))
    command.reply = None
    reader = reader_of(command)
    reader.answers(command, "tab 1")
    said = reader.reading.background.disturbing.values()
    assert any("waited for what another sends, in vain" in one for one in said) is named


def test_columns_in_which_a_time_is_left_may_run_out_but_not_those_that_all_statements_set():
    leases = Leases()
    leases.statement("take", "UPDATE job SET locked_at = now(), changed = now() WHERE id = $1")
    leases.statement("done", "UPDATE job SET state = 'done', changed = now() WHERE id = $1")
    leases.statement("note", "UPDATE log SET seen = now() WHERE id = $1")
    leases.statement("name", "UPDATE log SET name = $1 WHERE id = $2", ["x", "1"])
    assert {one.row for one in leases.times_set()} == {("job", "locked_at"), ("log", "seen")}
    assert not any(one.sure for one in leases.times_set())


def test_a_statement_that_was_read_is_read_again_once_more_is_known():
    leases = Leases()
    take = "INSERT INTO keys (key) VALUES ($1)"
    leases.statement("take", take, ["a"])
    leases.statement("sweep", "DELETE FROM keys WHERE made_at < now() - interval '1 min'")
    assert not leases.found
    leases.statement("take", take, ["b"])
    assert leases.found["take"].row == ("keys", "made_at")


def test_where_nothing_is_to_run_out_leases_are_known_and_nothing_else():
    leases = Leases(wanted=False)
    leases.statement("take", TAKE, [from_now(30), "7", from_now(0)])
    leases.statement("find", FIND)
    assert leases.found["take"].row == ("o", "until")
    assert not leases.possible
    assert not leases.texts
    assert not leases.times_set()
