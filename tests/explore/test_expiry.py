"""Time that passes meets whatever may set an expiry, before it or after."""

from __future__ import annotations

import pytest

from paidonce.harness.explore.footprint.expiry import WHAT_WAS_DUE, expiring, may_be_due
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.redis import redis_footprint
from paidonce.harness.taps.redis import RedisCommand

MINUTE, HOUR, DAY = 60.0, 3600.0, 24 * 3600.0
INTENT = Footprint(
    publishes=frozenset({Resource(("stripe", "object", "money"), (("payment_intent", "pi"),))})
)
KEY = Footprint(publishes=frozenset({Resource(("stripe", "key"), (("key", "k"),))}))
ROW = Footprint(publishes=frozenset({Resource(("pg", "public.orders"), (("id", "1"),))}))


def test_a_key_that_is_set_later_is_met_as_one_that_is_there():
    take = redis_footprint(RedisCommand(1, 1, "SET", (b"pay:1", b"t", b"NX", b"EX", b"30")))
    look = redis_footprint(RedisCommand(2, 1, "GET", (b"pay:1",)))
    passing = expiring(30, redis=True, stripe=False)
    assert passing.conflicts(take)
    assert passing.conflicts(look)


@pytest.mark.parametrize(("seconds", "met"), [(HOUR, False), (DAY, True)])
def test_idempotency_keys_are_gone_after_a_day(seconds: float, met: bool):
    assert expiring(seconds, redis=False, stripe=True).conflicts(KEY) is met


@pytest.mark.parametrize(("seconds", "met"), [(MINUTE, False), (HOUR, True)])
def test_a_session_may_have_ended_after_half_an_hour(seconds: float, met: bool):
    assert expiring(seconds, redis=False, stripe=True).conflicts(INTENT) is met


@pytest.mark.parametrize("status", ['"status":"processing"', '"status": "processing"'])
def test_a_debit_may_be_settled_by_then(status: str):
    passing = expiring(MINUTE, redis=False, stripe=True)
    assert passing.conflicts(may_be_due(f"{{{status}}}", "tab 1 1"))
    assert passing.union(WHAT_WAS_DUE).conflicts(INTENT)


@pytest.mark.parametrize(
    "answer", ['{"processing":null,"status":"succeeded"}', '{\n  "processing": null\n}']
)
def test_a_payment_that_is_through_is_not_taken_for_one_that_is_processing(answer: str):
    assert may_be_due(answer, "tab 1 1") == LOCAL


def test_two_debits_that_take_their_time_do_not_meet_each_other():
    debit = '{"status":"processing"}'
    assert not may_be_due(debit, "tab 1 1").conflicts(may_be_due(debit, "tab 2 1"))


def test_postgres_has_no_clock_that_moves():
    assert not expiring(DAY, redis=True, stripe=True).conflicts(ROW)


def test_what_is_not_there_does_not_expire():
    assert expiring(DAY, redis=False, stripe=False) == LOCAL == expiring(0, redis=True, stripe=True)
