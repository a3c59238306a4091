"""Columns that statements compare with the time, and keys to which commands give a time to live."""

from __future__ import annotations

import time

import pytest

from paidonce.harness.explore.control.run_outs import compared, lives_for, tokens, words


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET c = now() WHERE id = $1 AND coalesce(c, '-infinity') < now()",
        "SELECT id, c > now() - interval '30 s' AS busy FROM t",
        "SELECT 1 FROM t WHERE extract(epoch FROM now() - c) < 30",
        "SELECT 1 FROM t WHERE age(c) < '1 minute'",
        "SELECT 1 FROM t WHERE now() BETWEEN c AND $1",
        "SELECT CASE WHEN c IS NULL OR c <= CURRENT_TIMESTAMP THEN 1 END FROM t",
        "WITH free AS (SELECT id FROM t WHERE NOT (c >= clock_timestamp())) DELETE FROM free",
    ],
)
def test_a_column_that_is_compared_with_the_time_is_told(sql):
    assert ("t", "c") in compared(sql)


def test_so_is_one_that_is_compared_with_a_time_of_now_that_was_sent():
    sql = "SELECT 1 FROM t WHERE c < $1"
    assert compared(sql, [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())]) == {("t", "c")}
    assert compared(sql, ["2001-01-01T00:00:00Z"]) == frozenset()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET c = now() WHERE id = $1",
        "SELECT c FROM t WHERE n > 3",
        "INSERT INTO t (c) VALUES (now() + interval '30 s')",
        "SELECT 1 FROM t WHERE c = now()",
        "this is no SQL, now() > c",
    ],
)
def test_one_that_is_only_set_or_read_is_not(sql):
    assert compared(sql) == frozenset()


def test_the_words_of_a_statement_name_what_it_calls():
    assert {"take_lease", "busy_orders"} <= words('SELECT Take_Lease(1) FROM "busy_orders"')


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("EXPIRE k 30", 30),
        ("PEXPIRE k 1500", 1.5),
        ("SETEX k 60 v", 60),
        ("SET k v EX 60", 60),
        ("SET k v NX PX 5000", 5),
        ("SET k v PXAT 99999999999", 300),
        ("GETEX k EX 10", 10),
        ("EXPIREAT k 99999", 300),
        ("EVAL redis.call('expire',KEYS[1],9) 1 k", 300),
        ("EXPIRE k 3600", None),
        ("SET k v", None),
        ("SET EX v", None),
        ("GET k", None),
        ("EVAL return(1) 0", None),
    ],
)
def test_a_key_that_lives_for_a_short_time_is_told(command, seconds):
    name, *args = command.split()
    assert lives_for(name, [one.encode() for one in args]) == seconds


def test_a_time_by_which_a_row_is_known_is_a_token():
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert tokens("UPDATE t SET s = 'paid' WHERE id = $1 AND c = $2", ["1", now]) == {"c"}
    assert tokens("UPDATE t SET s = $2 WHERE c IS NOT DISTINCT FROM $1", [now, now]) == {"c"}
    assert tokens(f"SELECT 1 FROM t WHERE c = '{now}'") == {"c"}
    assert tokens("SELECT 1 FROM t WHERE c = $1", ["2001-01-01T00:00:00Z"]) == frozenset()
    assert tokens("SELECT 1 FROM t WHERE c < $1", [now]) == frozenset()
