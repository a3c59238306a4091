"""A time that decides by being equal to another is noticed; one that is only kept is not."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from tap_readers import reader_of

from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.clock_values import Times
from paidonce.harness.explore.footprint.sql.compared_times import equalities
from paidonce.harness.taps.postgres import Statement, Unit
from paidonce.harness.taps.redis import RedisCommand

# Whoever collects these tests has to find the same ones: a time is part of their names.
NOW = 1_790_000_000.335966
MILLIS = str(int(NOW * 1000))
ISO = datetime.fromtimestamp(NOW, UTC).isoformat().replace("+00:00", "Z")
LONG_AGO = "1604121234567"


def unit(sql, *params, columns=(), rows=()):
    made = Unit(1, 1, 1, "sync", (Statement(sql, params),))
    made.answer.columns, made.answer.sample = columns, [tuple(row) for row in rows]
    made.answer.rows = len(rows)
    return made


def told(*calls, actor="tab 1", beforehand=(), known=None):
    """What is said of the last of these calls of one attempt."""
    clock = Times(NOW, known or Background(), beforehand)
    said = None
    for call in calls:
        reader = reader_of(call, times=clock)
        said = reader.sends(call, actor) or reader.answers(call, actor)
    return said


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("UPDATE carts SET version = $1 WHERE id = $2 AND version = $3", ("x", "7", MILLIS)),
        ("UPDATE carts SET v = v + 1 WHERE id = $1 AND updated_at = $2", ("7", ISO)),
        ("UPDATE carts SET v = 1 WHERE updated_at = $1::timestamptz", (ISO.replace("T", " "),)),
        ("SELECT 1 FROM carts WHERE updated_at IN ($1, $2)", ("x", ISO)),
        ("SELECT 1 FROM carts WHERE version = ANY($1)", ("{" + MILLIS + "}",)),
        ("DELETE FROM claims WHERE token IS NOT DISTINCT FROM $1", (MILLIS,)),
        (f"UPDATE carts SET v = 1 WHERE updated_at = '{ISO}'", ()),
        (f"UPDATE carts SET v = 1 WHERE version = {MILLIS}", ()),
        ("SELECT 1 FROM carts WHERE date_trunc('second', updated_at) = $1", (ISO[:19],)),
        ("UPDATE t SET a = CASE WHEN token = $1 THEN 1 ELSE 0 END", (str(int(NOW)),)),
        ("SELECT 1 FROM carts WHERE version = $1", (str(int(NOW * 1_000_000_000)),)),
    ],
)
def test_a_column_compared_with_the_time_is_named(sql, params):
    assert (told(unit(sql, *params)) or "").startswith("compares ")


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("INSERT INTO payments (id, created_at) VALUES ($1, $2)", ("7", ISO)),
        ("UPDATE orders SET paid_at = $1 WHERE id = $2 AND paid_at IS NULL", (ISO, "7")),
        ("UPDATE orders SET expires = $1 WHERE id = $2 AND expires < $3", (MILLIS, "7", MILLIS)),
        ("UPDATE carts SET version = $1 WHERE version = $2", (MILLIS, LONG_AGO)),
        ("UPDATE carts SET version = 2 WHERE version = 1", ()),
        ("SELECT 1 FROM days WHERE day = $1", (ISO[:10],)),
        ("SELECT 1 FROM orders WHERE number = $1", (f"A-{MILLIS}",)),
        ("this is no SQL = $1", (MILLIS,)),
    ],
)
def test_a_time_that_is_kept_or_may_run_out_is_not(sql, params):
    assert told(unit(sql, *params)) is None


def test_who_writes_a_time_and_looks_whether_it_is_there_is_named():
    write = unit("UPDATE usr SET token=$1 WHERE id=$2 AND token=0", MILLIS, "7")
    look = "SELECT token FROM usr WHERE id=$1"
    own = unit(look, "7", columns=("token",), rows=[(MILLIS,)])
    assert told(write, own) == "asks for the time in token"
    assert told(own) is None, "it has written none"
    other = unit(look, "7", columns=("token",), rows=[("0",)])
    assert told(write, other) is None
    which = unit(look, "7", columns=("id", "token"), rows=[("7", MILLIS)])
    assert told(write, which) == "asks for the time in token"


def test_a_row_that_is_read_with_its_times_is_not():
    """As an ORM reads what it has just written."""
    write = unit("UPDATE orders SET paid_at=$1 WHERE id=$2 AND paid_at IS NULL", ISO, "7")
    read = unit(
        "SELECT id, status, paid_at FROM orders WHERE id=$1",
        "7",
        columns=("id", "status", "paid_at"),
        rows=[("7", "paid", ISO)],
    )
    assert told(write, read) is None
    returned = unit(
        "UPDATE orders SET paid_at=$1 RETURNING paid_at", ISO, columns=("paid_at",), rows=[(ISO,)]
    )
    assert told(returned) is None


def redis(name, *args, reply=None):
    return RedisCommand(1, 1, name, tuple(arg.encode() for arg in args), reply=reply)


def test_a_time_under_a_key_of_redis_is_named_as_well():
    write = redis("SET", "lock:7", MILLIS, "NX", reply=b"OK")
    assert told(write, redis("GET", "lock:7", reply=MILLIS.encode())) is not None
    assert told(write, redis("GET", "lock:7", reply=b"another")) is None
    assert told(redis("GET", "seen", reply=MILLIS.encode())) is None


def test_what_is_compared_is_read_from_the_tree():
    sql = "SELECT 1 FROM a JOIN b ON a.x = b.y WHERE $2 = a.z AND b.w <> 'v' AND a.u < $1"
    assert equalities(sql) == (("z", 2), ("w", "v"))


UPDATE = "UPDATE orders SET status = 'paid', updated_at = now() WHERE id = $1 AND updated_at = $2"


def read(moment, sql="SELECT status, updated_at FROM orders WHERE id = $1"):
    return unit(sql, "7", columns=("status", "updated_at"), rows=[("unpaid", moment)])


def test_a_version_that_was_there_before_anybody_moved_is_equal_to_no_time_that_attempts_read():
    assert told(read(ISO), unit("BEGIN"), unit(UPDATE, "7", ISO)) is None
    assert told(read(ISO.replace("T", " ").replace("Z", "+00")), unit(UPDATE, "7", ISO)) is None
    assert told(unit(UPDATE, "7", ISO), beforehand=(ISO,)) is None, "a client was told it"
    assert told(unit(UPDATE, "7", ISO)) is not None, "nobody has read it"


def test_a_version_that_an_attempt_may_have_written_decides():
    assert told(unit(UPDATE, "7", LONG_AGO), read(ISO), unit(UPDATE, "7", ISO)) is not None
    made = datetime.fromtimestamp(time.time() + 30, UTC).isoformat()
    assert told(read(made, "SELECT * FROM touched($1)"), unit(UPDATE, "7", made)) is not None


def test_a_version_cut_to_the_second_may_come_again():
    whole = ISO[:19] + "Z"
    assert told(read(whole), unit(UPDATE, "7", whole)) is not None
    known = Background()
    assert told(read(ISO), unit(UPDATE, "7", ISO), known=known) is None
    assert told(read(whole), unit(UPDATE, "7", whole), known=known) is None, "whole by chance"
