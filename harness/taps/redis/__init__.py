"""The Redis tap: a proxy that understands RESP2 and RESP3, for Redis and Valkey.

Bytes become values (``resp``) and commands (``commands``), which a session matches
(``session``), all without input or output; ``tap`` moves the bytes. The protocol is specified at
https://redis.io/docs/latest/develop/reference/protocol-spec/.

Imports what all taps share. Others use ``RedisTap`` and ``RedisCommand``.
"""

from paidonce.harness.taps.redis.commands import RedisCommand
from paidonce.harness.taps.redis.session import RedisSession
from paidonce.harness.taps.redis.tap import RedisTap

__all__ = ["RedisCommand", "RedisSession", "RedisTap"]
