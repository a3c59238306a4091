"""Which statements and commands look at what is of the last minutes only."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from paidonce.harness.explore.control.time_windows import TimeWindows, Window

RECENT = "SELECT 1 FROM tries WHERE order_id = $1 AND "


def at(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat(sep=" ")


@pytest.mark.parametrize(
    ("condition", "leaves"),
    [
        ("created_at > now() - interval '1 minute'", True),
        ("created_at + interval '1 minute' >= now()", True),
        ("now() - created_at < interval '30 s'", True),
        ("now() < created_at + interval '30 s'", True),
        ("age(now(), created_at) < interval '30 s'", True),
        ("age(created_at) < interval '30 s'", True),
        ("extract(epoch FROM now() - created_at) < 60", True),
        ("created_at > now() - make_interval(secs => 60)", True),
        ("created_at > now() - 5 * interval '1 second'", True),
        ("created_at BETWEEN now() - interval '1 minute' AND now()", True),
        ("created_at > $2", True),
        ("created_at > now() - $3::interval", True),
        ("created_ms > $4", True),
        ("created_at < now() - interval '1 minute'", False),
        ("NOT (created_at < now() - interval '1 minute')", None),
        ("NOT EXISTS (SELECT FROM x WHERE at > now() - interval '1 minute')", None),
    ],
)
def test_a_statement_looks_through_a_window(condition, leaves):
    params = ["17", at(-60), "60 seconds", str(int((time.time() - 60) * 1000))]
    window = TimeWindows().statement(RECENT + condition, params)
    assert window is not None
    assert window.leaves is leaves


@pytest.mark.parametrize(
    "condition",
    [
        "created_at > now() - interval '1 day'",
        "created_at > $2",
        "expires_at > now()",
        "expires_at > $3",
        "created_at = now()",
        "amount > $4",
        "amount - fee > 5",
        "status = 'unpaid'",
    ],
)
def test_other_conditions_are_no_windows(condition):
    params = ["17", at(-86_400), at(0), "1200"]
    assert TimeWindows().statement(RECENT + condition, params) is None


def test_a_column_that_is_set_to_a_time_that_is_near_is_looked_at_through_a_window():
    windows, look = TimeWindows(), RECENT + "taken_until > now()"
    assert windows.statement(look, ["17"]) is None
    taking = "UPDATE orders SET taken_until = now() + interval '30 s' WHERE id = $1"
    assert windows.statement(taking, ["17"]) is None
    assert windows.statement(look, ["17"]) == Window("taken_until")
    late = "UPDATE orders SET pay_before = now() + interval '30 days' WHERE id = $1"
    windows.statement(late, ["17"])
    assert windows.statement(RECENT + "pay_before > now()", ["17"]) is None


def recently(args: str) -> list[bytes]:
    now = time.time()
    known = {"MINUTE": f"{int((now - 60) * 1000)}", "NOW": f"{now:.3f}", "DAY": f"{now - 1e5:.0f}"}
    return [known.get(one.lstrip("("), one).encode() for one in args.split()]


@pytest.mark.parametrize(
    ("name", "args", "leaves"),
    [
        ("ZCOUNT", "tries MINUTE +inf", True),
        ("ZRANGEBYSCORE", "tries (MINUTE +inf", True),
        ("ZREVRANGEBYSCORE", "tries +inf MINUTE", True),
        ("ZRANGE", "tries MINUTE +inf BYSCORE", True),
        ("EVAL", "return 1 tries NOW 60", None),
        ("EVALSHA", "abc 1 tries NOW 60", None),
    ],
)
def test_a_command_looks_through_a_window(name, args, leaves):
    window = TimeWindows().command(name, recently(args))
    assert window is not None
    assert (window.leaves, window.of_rows) == (leaves, False)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("ZCOUNT", "prices 10 20"),
        ("ZCOUNT", "tries DAY +inf"),
        ("ZRANGE", "tries 0 -1"),
        ("ZCARD", "tries"),
        ("EVAL", "return 1 tries 60"),
        ("ZADD", "tries NOW one"),
        ("GET", "NOW"),
    ],
)
def test_other_commands_look_through_none(name, args):
    assert TimeWindows().command(name, recently(args)) is None


def test_a_set_from_which_the_old_is_removed_is_looked_at_through_a_window():
    windows = TimeWindows()
    assert windows.command("ZCARD", [b"tries"]) is None
    windows.command("ZREMRANGEBYSCORE", recently("tries 0 MINUTE"))
    assert windows.command("ZCARD", [b"tries"]) is not None
    assert windows.command("ZCARD", [b"others"]) is None
    windows.command("ZREMRANGEBYSCORE", recently("others 0 DAY"))
    assert windows.command("ZCARD", [b"others"]) is None
