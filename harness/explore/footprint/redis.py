"""The footprint of a Redis command: its keys, or everything where they cannot be told."""

from __future__ import annotations

from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.taps.redis import RedisCommand
from paidonce.harness.taps.redis.touching import Touch

_REDIS = Resource(("redis",))


def redis_footprint(call: RedisCommand) -> Footprint:
    """The footprint of ``call``. A queued command takes effect with EXEC, which touches it then."""
    if call.local:
        return LOCAL
    touched = call.touches
    if touched is None:
        return Footprint(publishes=frozenset({_REDIS}))
    return Footprint(
        looks=frozenset(_resource(one) for one in touched if not one.changes),
        publishes=frozenset(_resource(one) for one in touched if one.changes),
    )


def _resource(touch: Touch) -> Resource:
    place = ("redis", str(touch.db))
    if touch.key is None:
        return Resource(place)
    return Resource(place, (("key", touch.key.decode("utf-8", "backslashreplace")),))
