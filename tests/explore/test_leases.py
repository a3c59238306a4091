"""Which commands and statements take something that runs out by itself."""

from __future__ import annotations

import hashlib

import pytest
from tap_readers import reader_of

from paidonce.harness.explore.control.leases import Leases, leased
from paidonce.harness.taps.redis import RedisCommand

LOCK = b"if redis.call('exists', KEYS[1]) == 0 then redis.call('set', KEYS[1], 1, 'px', 500) end"
UNLOCK = b"if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
COUNT = b"if redis.call('incr', KEYS[1]) == 1 then redis.call('expire', KEYS[1], 60) end"


def found(*commands: tuple[bytes, ...]) -> list[str]:
    leases = Leases()
    for seq, (name, *args) in enumerate(commands, start=1):
        command = RedisCommand(seq, 1, name.decode().upper(), tuple(args))
        reader_of(command, leases=leases).sends(command, "tab 1")
    return list(leases.found.values())


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
        ("UPDATE o SET seen_at = now() WHERE id = $1", ""),
        ("UPDATE o SET status = 'late' WHERE due < now()", ""),
        ("UPDATE o SET version = $2 WHERE version < $2", ""),
        ("SELECT * FROM o WHERE created_at > now() - interval '1 day'", ""),
        ("DELETE FROM session WHERE expires_at < now()", ""),
        ("not sql at all", ""),
    ],
)
def test_a_row_that_is_taken_by_the_clock_is_a_lease(sql, column):
    assert leased(sql) == column
