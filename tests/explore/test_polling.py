"""Tries for what another has: when the next one is the same again, and who waits that way."""

from __future__ import annotations

import pytest
from tap_readers import reader_of

from paidonce.harness.explore.control.polling import Polls, Try, changed_nothing
from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.naming.answer_digest import AnswerDigest
from paidonce.harness.taps.postgres import Statement, Unit
from paidonce.harness.taps.postgres.units import Failure
from paidonce.harness.taps.redis import RedisCommand

LOCK = frozenset({Resource(("redis", "0"), (("key", "lock"),))})
OTHER = frozenset({Resource(("redis", "0"), (("key", "other"),))})
NO, YES = AnswerDigest("no", "no"), AnswerDigest("yes", "yes")


def taking(keys=LOCK):
    return Footprint(publishes=keys)


def tried(heard=NO, label="SET NX lock", idle=True, footprint=None):
    return Try(label, footprint or taking(), heard, idle)


def again(polls, label="SET NX lock", expected=None):
    return bool(polls.again("one", label, lambda: expected or taking()))


def test_a_third_try_after_two_that_were_refused_is_the_same_again():
    polls = Polls()
    polls.made("one", tried())
    assert not again(polls)
    polls.made("one", tried())
    assert again(polls)
    assert not again(polls, label="SET NX other")
    assert not again(polls, expected=taking(LOCK | OTHER)), "it touches more than they did"


@pytest.mark.parametrize(
    "last",
    [
        tried(heard=YES),
        tried(idle=False),
        tried(heard=AnswerDigest("no", "")),
        tried(label="GET lock"),
    ],
)
def test_a_try_that_was_answered_otherwise_or_changed_something_is_not(last):
    polls = Polls()
    polls.made("one", tried())
    polls.made("one", last)
    assert not again(polls, label=last.label)


def test_who_changes_what_is_tried_for_ends_that_and_who_only_tries_as_well_does_not():
    polls = Polls(["SET NX lock"])
    polls.made("one", tried())
    assert again(polls), "one try is enough where it is known for that"
    polls.made("two", tried())
    polls.made("two", tried(idle=False, footprint=taking(OTHER)))
    assert again(polls)
    polls.made("two", tried(label="DEL lock", idle=False))
    assert not again(polls)


def test_a_try_may_be_several_steps():
    polls = Polls()
    look, end = tried(label="SELECT pg_try_advisory_xact_lock(7)"), tried(label="COMMIT")
    for step in (look, end, look, end):
        polls.made("one", step)
    assert again(polls, label=look.label)
    assert not again(polls, label=end.label)


def test_only_what_is_tried_without_end_is_waited_for():
    for polls, waits in ((Polls(), False), (Polls(["SET NX lock"]), True)):
        polls.made("one", tried())
        polls.made("one", tried())
        assert bool(polls.waits("one", "SET NX lock", taking)) is waits


def test_what_is_to_be_tried_one_at_a_time_is_never_made_at_once():
    polls = Polls(each_try=["SET NX lock"])
    for _ in range(4):
        polls.made("one", tried())
    assert not again(polls)


def redis(name, *args, reply):
    return RedisCommand(1, 1, name, tuple(arg.encode() for arg in args), reply=reply)


def sql(text, *, tag="", rows=(), error=None):
    made = Unit(1, 1, 1, "sync", (Statement(text),))
    made.answer.tags, made.answer.sample = [tag], list(rows)
    made.answer.error = error
    return made


@pytest.mark.parametrize(
    ("call", "was"),
    [
        (redis("SET", "lock", "me", "NX", "PX", "500", reply=None), True),
        (redis("SET", "lock", "me", "NX", reply=b"OK"), False),
        (redis("SET", "lock", "me", "NX", "GET", reply=None), False),
        (redis("SETNX", "lock", "me", reply=0), True),
        (redis("GET", "lock", reply=None), False),
        (sql("SELECT pg_try_advisory_lock(7)", tag="SELECT 1", rows=[("f",)]), True),
        (sql("SELECT pg_try_advisory_lock(7)", tag="SELECT 1", rows=[("t",)]), False),
        (sql("UPDATE locks SET held = true WHERE NOT held", tag="UPDATE 0"), True),
        (sql("UPDATE locks SET held = true WHERE NOT held", tag="UPDATE 1"), False),
        (sql("INSERT INTO locks VALUES (1) ON CONFLICT DO NOTHING", tag="INSERT 0 0"), True),
        (sql("SELECT 1 FROM t FOR UPDATE NOWAIT", error=Failure("ERROR", "55P03", "locked")), True),
        (sql("INSERT INTO t VALUES (1)", error=Failure("ERROR", "23505", "there")), False),
    ],
)
def test_what_is_refused_is_known_by_its_answer(call, was):
    assert reader_of(call).refused(call) is was


def left_alone(call, touched):
    return changed_nothing(touched, refused=reader_of(call).refused(call))


def test_a_refusal_that_may_have_run_a_trigger_may_have_changed_something():
    none = sql("UPDATE locks SET held = true", tag="UPDATE 0")
    locks, log = (Resource(("pg", f"public.{name}")) for name in ("locks", "log"))
    assert left_alone(none, Footprint(publishes=frozenset({locks})))
    assert not left_alone(none, Footprint(publishes=frozenset({locks, log})))
    assert not left_alone(none, Footprint(publishes=frozenset({Resource(())})))
    took = sql("UPDATE locks SET held = true", tag="UPDATE 1")
    assert not left_alone(took, Footprint(publishes=frozenset({locks})))
    assert left_alone(took, Footprint(looks=frozenset({locks})))
