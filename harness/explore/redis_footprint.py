"""What a Redis command touches: its keys; everything, where they cannot be told."""

from __future__ import annotations

from harness.explore.footprint import LOCAL, Footprint, Resource
from harness.taps.redis import RedisCommand

# Commands that only look (https://redis.io/docs/latest/commands/, those of the @read category
# that take keys). Any other is taken to change what it touches.
_LOOKS = frozenset(
    (
        *("GET", "MGET", "STRLEN", "GETRANGE", "EXISTS", "TTL", "PTTL", "EXPIRETIME", "TYPE"),
        *("HGET", "HMGET", "HGETALL", "HEXISTS", "HLEN", "LRANGE", "LLEN", "LINDEX"),
        *("SISMEMBER", "SMEMBERS", "SCARD", "ZSCORE", "ZRANGE", "ZCARD", "GETBIT", "BITCOUNT"),
    )
)


def redis_footprint(call: RedisCommand) -> Footprint:
    """The footprint of ``call``. A queued command takes effect with EXEC, which touches all."""
    if call.local:
        return LOCAL
    place = ("redis", str(call.db))
    if call.keys is None:
        touched = frozenset({Resource(("redis",))})
    else:
        touched = frozenset(Resource(place, (("key", key),)) for key in call.keys)
    if call.name in _LOOKS:
        return Footprint(looks=touched)
    return Footprint(publishes=touched or frozenset({Resource(("redis",))}))
