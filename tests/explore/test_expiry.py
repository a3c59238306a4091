"""Time that passes meets whatever may set an expiry, before it or after."""

from __future__ import annotations

import pytest

from paidonce.harness.explore.footprint.expiry import WHAT_WAS_DUE, expiring, may_be_due
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.redis import redis_footprint
from paidonce.harness.taps.redis import RedisCommand

HOUR, DAY = 3600.0, 24 * 3600.0
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


def test_a_debit_may_be_settled_by_then():
    passing = expiring(HOUR, redis=False, stripe=True)
    assert passing.conflicts(may_be_due('{"status":"processing"}'))
    assert passing.union(WHAT_WAS_DUE).conflicts(INTENT)
    assert not passing.conflicts(INTENT)
    assert may_be_due('{"status":"succeeded"}') == LOCAL


def test_postgres_has_no_clock_that_moves():
    assert not expiring(DAY, redis=True, stripe=True).conflicts(ROW)


def test_what_is_not_there_does_not_expire():
    assert expiring(DAY, redis=False, stripe=False) == LOCAL == expiring(0, redis=True, stripe=True)
