"""Which answers decide that somebody gets at this time of day alone."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from tap_readers import reader_of

from paidonce.harness.explore.control.timed_answers import Deciding, TimedAnswers, Told, ahead_in
from paidonce.harness.taps.redis import RedisCommand

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
    answers, number, told = TimedAnswers(), 0, {}
    for place, story in enumerate(stories, start=1):
        numbered = []
        for one in story:
            number += 1
            numbered.append(Told(one.kind, one.said, one.looks, one.keyed, one.ahead, number))
        told[f"tab {place}"] = numbered
    answers.add(told, HIM)
    return list(answers.found)


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
