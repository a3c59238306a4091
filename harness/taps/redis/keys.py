"""What is known of commands: which arguments are keys, and which commands touch no data.

Key positions are those of the servers' own command tables (``COMMAND INFO``); a command that is
not listed may touch anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_LOCAL = words(
    "AUTH HELLO PING ECHO SELECT QUIT RESET COMMAND READONLY READWRITE ASKING MULTI DISCARD "
    "UNWATCH CLIENT INFO"
)  # INFO is how ioredis asks, on connecting, whether the server has loaded its data
_NOT_LOCAL_CLIENT = frozenset({"KILL", "PAUSE", "UNPAUSE", "UNBLOCK"})

_FIRST = words(
    "GET SET SETNX SETEX PSETEX GETSET GETDEL GETEX APPEND STRLEN SETRANGE GETRANGE SUBSTR INCR "
    "DECR INCRBY DECRBY INCRBYFLOAT SETBIT GETBIT BITCOUNT BITPOS BITFIELD BITFIELD_RO EXPIRE "
    "PEXPIRE EXPIREAT PEXPIREAT EXPIRETIME PEXPIRETIME TTL PTTL PERSIST TYPE DUMP RESTORE "
    "HSET HSETNX HMSET HGET HMGET HGETALL HDEL HLEN HEXISTS HKEYS HVALS HINCRBY HINCRBYFLOAT "
    "HSTRLEN HRANDFIELD HSCAN LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LLEN LINDEX LSET LRANGE LTRIM "
    "LREM LINSERT LPOS SADD SREM SCARD SISMEMBER SMISMEMBER SMEMBERS SPOP SRANDMEMBER SSCAN ZADD "
    "ZINCRBY ZREM ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZRANGE ZRANGEBYSCORE ZRANGEBYLEX ZREVRANGE "
    "ZREVRANGEBYSCORE ZREVRANGEBYLEX ZCOUNT ZLEXCOUNT ZPOPMIN ZPOPMAX ZRANDMEMBER ZSCAN "
    "ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX PFADD XADD XLEN XRANGE XREVRANGE XTRIM XDEL "
    "XACK XCLAIM XAUTOCLAIM XPENDING XSETID GEOADD GEOPOS GEODIST GEOHASH GEOSEARCH DELIFEQ"
)
_ALL = words(
    "DEL UNLINK EXISTS TOUCH MGET WATCH SINTER SUNION SDIFF SINTERSTORE SUNIONSTORE SDIFFSTORE "
    "PFCOUNT PFMERGE"
)
_FIRST_TWO = words(
    "RENAME RENAMENX COPY SMOVE LMOVE BLMOVE RPOPLPUSH BRPOPLPUSH LCS ZRANGESTORE GEOSEARCHSTORE"
)
_BLOCKING = words("BLPOP BRPOP BZPOPMIN BZPOPMAX")
_COUNTED = words("EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO")
_EVERY_OTHER = words("MSET MSETNX")

Arguments = tuple[bytes, ...]


def is_local(name: str, args: Arguments) -> bool:
    """Whether a command touches nothing but the connection it comes on."""
    if name == "CLIENT":
        return bool(args) and _word(args[0]) not in _NOT_LOCAL_CLIENT
    return name in _LOCAL


def keys_of(name: str, args: Arguments) -> tuple[bytes, ...] | None:
    """The keys a command names; None when it is not known which it names.

    A script names keys and may touch others all the same (``is_script``).
    """
    if is_local(name, args):
        return ()
    if name == "COPY" and len(args) > 2 and _word(args[2]) == "DB":
        return None  # into another database
    for names, pick in _PICKS:
        if name in names:
            return pick(args)
    return None


def is_script(name: str) -> bool:
    """Whether a command runs code on the server."""
    return name in _COUNTED


def _counted(args: Arguments) -> tuple[bytes, ...] | None:
    if len(args) < 2 or not args[1].isdigit():
        return None
    count = int(args[1])
    return args[2 : 2 + count] if len(args) >= 2 + count else None


_PICKS: tuple[tuple[frozenset[str], Callable[[Arguments], tuple[bytes, ...] | None]], ...] = (
    (_FIRST, lambda args: args[:1]),
    (_ALL, lambda args: args),
    (_FIRST_TWO, lambda args: args[:2]),
    (_BLOCKING, lambda args: args[:-1]),
    (_EVERY_OTHER, lambda args: args[::2]),
    (_COUNTED, _counted),
)

_GENERATED = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[a-fA-F]*\d)[0-9a-fA-F]{12,}|\d+"
)


def pattern(key: bytes) -> str:
    """A key without what differs between executions: ``order:17:lock`` is ``order:?:lock``."""
    return _GENERATED.sub("?", key.decode("utf-8", "backslashreplace"))


def _word(argument: bytes) -> str:
    return argument.decode("latin-1").upper()
