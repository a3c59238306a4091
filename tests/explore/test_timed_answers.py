"""Which answers decide that somebody gets at this time of day alone."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from tap_readers import reader_of

from paidonce.harness.explore.control.time_windows import Window
from paidonce.harness.explore.control.timed_answers import Deciding, TimedAnswers, Told, ahead_in
from paidonce.harness.taps.redis import RedisCommand
from paidonce.harness.taps.redis.resp import Map

MINUTE = "29933774"
HIM = {"tab 1": "tab", "tab 2": "tab"}


def counted(said: str) -> Told:
    return Told("INCR", said, looks=False, keyed=MINUTE)


def leased(said: str, *ahead: str) -> Told:
    return Told("SELECT", said, ahead=frozenset(ahead))


EXPIRE = Told("EXPIRE", "1", looks=False, keyed=MINUTE)
KEPT = Told("SET", "OK", looks=False, keyed=MINUTE)
PRICE = Told("SELECT price", "5")
CHARGE = Told("charge", "ok", looks=False)
PAID = Told("UPDATE", "1", looks=False)
LATE = Told("UPDATE", "0")
TAKE = Told("UPDATE locked_until", "1", looks=False)


def found(*stories: tuple[Told, ...]) -> list[Deciding]:
    """What decides after an execution with these attempts, one after the other."""
    answers = TimedAnswers()
    answers.add(told_in_turn(*stories), HIM)
    return list(answers.found)


def told_in_turn(*stories: tuple[Told, ...]) -> dict[str, list[Told]]:
    number, told = 0, {}
    for place, story in enumerate(stories, start=1):
        numbered = []
        for one in story:
            number += 1
            numbered.append(replace(one, number=number))
        told[f"tab {place}"] = numbered
    return told


WINDOW = Window("created_at")


def recent(many: int, window: Window = WINDOW) -> Told:
    return Told("SELECT recent", str(many), window=window, many=many)


LOCK = Told("SELECT FOR UPDATE", "unpaid")
LOCK_PAID = Told("SELECT FOR UPDATE", "paid")
NOTED = Told("INSERT tries", "1", looks=False)


def test_who_finds_another_of_the_last_minute_is_refused_then_only():
    assert found((recent(0), NOTED, CHARGE, PAID), (recent(1),)) == [
        Deciding("SELECT recent", within=WINDOW)
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # A limit that is not reached.
        ((recent(0), NOTED, PAID, CHARGE), (recent(1), NOTED, LATE)),
        # An order that is young enough to be paid for is found, and then it is paid for.
        ((recent(1), CHARGE, PAID), (recent(0),)),
        # What is found comes of age, and what was not found will be.
        ((recent(0, Window("at", leaves=False)), CHARGE), (recent(1, Window("at", False)),)),
        # No window at all.
        ((Told("SELECT", "0", many=0), CHARGE), (Told("SELECT", "1", many=1),)),
    ],
)
def test_other_looks_at_what_is_recent_decide_nothing(first, second):
    assert found(first, second) == []


def test_a_script_that_is_sent_the_time_may_answer_either_way():
    window = Window("a time", leaves=None, of_rows=False)
    for first, second in ((1, 0), (0, 1)):
        asked = recent(first, window), CHARGE, PAID
        assert found(asked, (recent(second, window),)) == [Deciding("SELECT recent", within=window)]


def test_who_was_let_through_and_is_refused_all_the_same_shows_that_the_window_does_not_decide():
    answers = TimedAnswers()
    one_after_the_other = told_in_turn((recent(0), NOTED, LOCK, CHARGE, PAID), (recent(1),))
    answers.add(one_after_the_other, HIM)
    assert answers.found
    answers.add(both_let_through((LOCK_PAID, 9)), HIM)
    assert not answers.found
    answers.add(one_after_the_other, HIM)  # and it stays so
    assert not answers.found
    assert list(answers.withdrawn) == [Deciding("SELECT recent", within=WINDOW)]


@pytest.mark.parametrize(
    "then",
    [
        (),  # it went no further, for a crash, say, before the other had done anything
        ((Told("SELECT FOR UPDATE", "error"), 9), (recent(1), 10)),  # it is asked again
        ((CHARGE, 9), (PAID, 10)),  # both charge
    ],
)
def test_who_is_let_through_and_not_refused_by_anything_else_shows_nothing(then):
    answers = TimedAnswers()
    answers.add(told_in_turn((recent(0), NOTED, LOCK, CHARGE, PAID), (recent(1),)), HIM)
    answers.add(both_let_through(*then), HIM)
    assert answers.found


def both_let_through(*then: tuple[Told, int]) -> dict[str, list[Told]]:
    """Two that find nothing recent; the first does everything, then the other goes on."""
    first = [(recent(0), 1), (NOTED, 3), (LOCK, 5), (CHARGE, 6), (PAID, 7)]
    second = [(recent(0), 2), (NOTED, 4), *then]
    return {
        "tab 1": [replace(told, number=number) for told, number in first],
        "tab 2": [replace(told, number=number) for told, number in second],
    }


def test_who_counts_to_two_in_this_minute_is_refused():
    first = (counted("1"), EXPIRE, CHARGE, PAID)
    by_minute = [Deciding("INCR", keyed=MINUTE)]
    assert found(first, (counted("2"),)) == by_minute
    assert found(first, (counted("2"), PRICE)) == by_minute
    assert found(first, (PRICE, counted("2"))) == []  # whoever has done something else before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # A limit that is not reached, and a claim that is what refuses.
        ((counted("1"), EXPIRE, PAID, CHARGE), (counted("2"), LATE)),
        # A price that is kept for a while.
        (
            (Told("GET", "nil", keyed=MINUTE), PRICE, KEPT, PAID, CHARGE),
            (Told("GET", "5", keyed=MINUTE), LATE),
        ),
        # Both do the same.
        ((counted("1"), CHARGE), (counted("2"), CHARGE)),
        # Neither changes anything.
        ((counted("1"), PRICE), (counted("2"),)),
        # The key has no time in it.
        ((Told("INCR", "1", looks=False), CHARGE), (Told("INCR", "2", looks=False),)),
    ],
)
def test_other_answers_decide_nothing(first, second):
    assert found(first, second) == []


def test_who_reads_until_when_another_has_it_is_refused():
    answers = TimedAnswers()
    free, taken = leased("null"), Told("SELECT", "a time", ahead=frozenset({"until"}), number=3)
    first = [free, Told("UPDATE", "1", looks=False, number=2), Told("charge", "", False, number=4)]
    answers.add({"tab 1": first, "tab 2": [taken]}, HIM)
    assert list(answers.found) == [Deciding("SELECT", ahead="until")]


def test_a_time_ahead_that_is_read_when_its_writer_is_through_is_a_row_like_any_other():
    assert found((leased("null"), TAKE, CHARGE, PAID), (leased("a time", "until"),)) == []


def test_a_time_ahead_that_both_are_answered_does_not_decide():
    order = leased("unpaid", "pay_before"), CHARGE, PAID
    assert found(order, (leased("paid", "pay_before"),)) == []


def test_what_was_answered_is_known_from_one_execution_to_the_next():
    answers = TimedAnswers()
    answers.add({"pay": [counted("1"), CHARGE], "cancel": [Told("INCR", "9")]}, {})
    assert not answers.found
    answers.add({"pay": [counted("2")]}, {})
    assert list(answers.found) == [Deciding("INCR", keyed=MINUTE)]


def test_times_ahead_are_of_the_next_few_minutes():
    def at(seconds: float) -> str:
        return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat(sep=" ")

    told = {"until": at(30), "made": at(-5), "late": at(3600), "status": "paid", "none": None}
    assert ahead_in(told.items()) == {"until"}


@pytest.mark.parametrize(
    ("name", "args", "keyed"),
    [
        ("INCRBY", (b"tries:17:%d", b"1"), True),
        ("GET", (b"seen:%d",), True),
        ("HINCRBY", (b"tries", b"17:%d", b"1"), True),
        ("EVAL", (b"return redis.call('INCR', KEYS[1])", b"1", b"tries:%d"), True),
        ("SET", (b"seen:17", b"%d"), False),
        ("INCR", (b"tries:17",), False),
    ],
)
def test_a_key_of_redis_has_the_minute_in_it(name, args, keyed):
    minute = int(time.time()) // 60
    sent = tuple(one.replace(b"%d", str(minute).encode()) for one in args)
    command = RedisCommand(1, 1, name, sent)
    assert bool(reader_of(command).keyed(command)) is keyed


def test_a_time_within_a_value_in_json_is_told_by_its_name():
    soon, late = time.time() + 30, time.time() + 86_400
    held = json.dumps({"by": "x", "lease": {"until": soon}, "paid": True, "day": late})
    assert ahead_in([("its value", held)]) == {"until in lease in its value"}
    assert ahead_in([("its value", json.dumps([{"at": f"{soon:.0f}"}]))]) == {"at in its value"}
    assert ahead_in([("its value", "{no JSON 1764500000"), ("other", "[")]) == frozenset()


@pytest.mark.parametrize("shape", ["text", "list", "map"])
def test_a_time_in_any_text_of_a_reply_is_told(shape):
    until = f"{time.time() + 30:.3f}".encode()
    reply = {"text": until, "list": (b"until", until), "map": Map(((b"until", until),))}[shape]
    command = RedisCommand(1, 1, "HGETALL", (b"pay:1",))
    command.reply = reply
    assert reader_of(command).ahead(command) == {"its value"}
