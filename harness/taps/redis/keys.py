"""Which arguments of a command are keys: the names of the servers' own command tables.

The tables below are those of ``COMMAND INFO`` and ``COMMAND DOCS`` of Valkey 9 and Redis 8, against
which a test holds them. A command that is not listed, or is written in a way that is not
understood, may touch anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


class Named(NamedTuple):
    """A key that a command names, and whether it may change what is there."""

    key: bytes
    changes: bool


Arguments = tuple[bytes, ...]
Keys = tuple[Named, ...]

_LOCAL = words(
    "AUTH HELLO PING ECHO SELECT QUIT RESET COMMAND READONLY READWRITE ASKING MULTI DISCARD "
    "UNWATCH TIME"
)
_LOCAL_CLIENT = words(
    "GETNAME SETNAME SETINFO ID INFO REPLY CACHING TRACKING TRACKINGINFO GETREDIR NO-EVICT "
    "NO-TOUCH CAPA MAINT_NOTIFICATIONS HELP"
)
_LOCAL_INFO = words("SERVER CLIENTS REPLICATION PERSISTENCE CPU CLUSTER MODULES")
"""Sections of INFO that tell nothing of data. INFO alone is local too: it is how ioredis asks, on
connecting, whether the server has loaded its data."""

# By where the keys stand, and whether what is there may be changed. PFCOUNT may: it keeps what it
# has counted. XREADGROUP does: what was read is the reader's.
_CHANGES_FIRST = words(
    "SET SETNX SETEX PSETEX GETSET GETDEL GETEX APPEND SETRANGE INCR DECR INCRBY DECRBY "
    "INCRBYFLOAT SETBIT BITFIELD EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST RESTORE RESTORE-ASKING "
    "DELIFEQ DELEX HSET HSETNX HMSET HDEL HINCRBY HINCRBYFLOAT HEXPIRE HEXPIREAT HPEXPIRE "
    "HPEXPIREAT HPERSIST HGETDEL HGETEX HSETEX LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LSET LTRIM LREM "
    "LINSERT SADD SREM SPOP ZADD ZINCRBY ZREM ZPOPMIN ZPOPMAX ZREMRANGEBYRANK ZREMRANGEBYSCORE "
    "ZREMRANGEBYLEX PFADD XADD XTRIM XDEL XACK XACKDEL XDELEX XCLAIM XAUTOCLAIM XSETID GEOADD "
    "VADD VREM VSETATTR"
)
_LOOKS_AT_FIRST = words(
    "GET STRLEN GETRANGE SUBSTR GETBIT BITCOUNT BITPOS BITFIELD_RO EXPIRETIME PEXPIRETIME TTL PTTL "
    "TYPE DUMP DIGEST HGET HMGET HGETALL HLEN HEXISTS HKEYS HVALS HSTRLEN HRANDFIELD HSCAN HTTL "
    "HPTTL HEXPIRETIME HPEXPIRETIME LLEN LINDEX LRANGE LPOS SCARD SISMEMBER SMISMEMBER SMEMBERS "
    "SRANDMEMBER SSCAN ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZRANGE ZRANGEBYSCORE ZRANGEBYLEX "
    "ZREVRANGE ZREVRANGEBYSCORE ZREVRANGEBYLEX ZCOUNT ZLEXCOUNT ZRANDMEMBER ZSCAN XLEN XRANGE "
    "XREVRANGE XPENDING GEOPOS GEODIST GEOHASH GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO VCARD "
    "VDIM VEMB VGETATTR VINFO VISMEMBER VLINKS VRANDMEMBER VRANGE VSIM"
)
_LOOKS_AT_ALL = words("EXISTS TOUCH MGET WATCH SINTER SUNION SDIFF")
_CHANGES_ALL = words("DEL UNLINK PFCOUNT")
_STORES = words("SINTERSTORE SUNIONSTORE SDIFFSTORE PFMERGE")
_CHANGES_TWO = words("RENAME RENAMENX SMOVE LMOVE BLMOVE RPOPLPUSH BRPOPLPUSH")
_STORES_ONE = words("ZRANGESTORE GEOSEARCHSTORE")
_BLOCKING = words("BLPOP BRPOP BZPOPMIN BZPOPMAX")
_PAIRS = words("MSET MSETNX")
_SCRIPTS = words("EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO")
_LOOKS_AT_COUNTED = words("SINTERCARD ZINTERCARD ZDIFF ZINTER ZUNION")
_CHANGES_COUNTED = words("LMPOP ZMPOP")
_CHANGES_COUNTED_LATER = words("BLMPOP BZMPOP")
_STORES_COUNTED = words("ZDIFFSTORE ZINTERSTORE ZUNIONSTORE")
_LOOKS_WITHIN = {
    "OBJECT": words("ENCODING FREQ IDLETIME REFCOUNT"),
    "MEMORY": words("USAGE"),
    "XINFO": words("STREAM GROUPS CONSUMERS"),
}
_CHANGES_WITHIN = {"XGROUP": words("CREATE SETID DESTROY CREATECONSUMER DELCONSUMER")}
_WHOLE_DATABASE = {"KEYS": False, "SCAN": False, "RANDOMKEY": False, "DBSIZE": False}
_WHOLE_DATABASE["FLUSHDB"] = True


def is_local(name: str, args: Arguments) -> bool:
    """Return whether a command touches nothing but the connection it comes on."""
    if name == "CLIENT":
        return bool(args) and word(args[0]) in _LOCAL_CLIENT
    if name == "INFO":
        return all(word(section) in _LOCAL_INFO for section in args)
    return name in _LOCAL


def is_script(name: str) -> bool:
    """Return whether a command runs code on the server: it names keys, and may touch others."""
    return name in _SCRIPTS


def on_first(name: str) -> bool | None:
    """Return whether a command whose first argument is its only key changes what is there (False:
    looks at it); None of others."""
    return _on(name, _CHANGES_FIRST, _LOOKS_AT_FIRST)


def on_each(name: str) -> bool | None:
    """Return whether a command of whose arguments each is a key changes what is there (False:
    looks at it); None of others."""
    return _on(name, _CHANGES_ALL, _LOOKS_AT_ALL)


def _on(name: str, changes: frozenset[str], looks: frozenset[str]) -> bool | None:
    return True if name in changes else False if name in looks else None


def whole_database(name: str) -> bool | None:
    """Return whether a command changes its database as a whole (False: looks at it); None of
    others."""
    return _WHOLE_DATABASE.get(name)


def keys_of(name: str, args: Arguments) -> Keys | None:
    """The keys a command names; None when it is not known which it names."""
    if is_local(name, args):
        return ()
    pick = _PICK.get(name)
    return None if pick is None else pick(args)


def copied_to(args: Arguments) -> bytes | None:
    """The database that a COPY names; None if it names none.

    The server takes DB and REPLACE in either order, each more than once, the last counting
    (``copyCommand`` of db.c).
    """
    found, rest = None, iter(args[2:])
    for option in rest:
        if word(option) == "DB":
            found = next(rest, b"")
    return found


def database_number(argument: bytes) -> int | None:
    """The database an argument names; None where it is no number, which the server refuses."""
    return int(argument) if argument.isdigit() else None


def word(argument: bytes) -> str:
    """An argument as a keyword is compared."""
    return argument.decode("latin-1").upper()


# --- where the keys stand -----------------------------------------------------------------------

_Pick = Callable[[Arguments], Keys | None]


def _named(keys: Arguments, *, changes: bool) -> Keys:
    return tuple(Named(key, changes) for key in keys)


def _slice(start: int, stop: int | None, step: int = 1, *, changes: bool) -> _Pick:
    return lambda args: _named(args[start:stop:step], changes=changes)


def _stored(sources: slice, *, at: int = 0) -> _Pick:
    """One key that is written, and what it is made from."""
    return lambda args: (
        *_named(args[at : at + 1], changes=True),
        *_named(args[sources], changes=False),
    )


def _copied(args: Arguments) -> Keys:
    return (*_named(args[:1], changes=False), *_named(args[1:2], changes=True))


def _counted(at: int, *, changes: bool, each: int = 1) -> _Pick:
    """A number of keys, and the keys, ``each`` of which is followed by what belongs to it."""

    def pick(args: Arguments) -> Keys | None:
        if len(args) <= at or not args[at].isdigit():
            return None
        end = at + 1 + int(args[at]) * each
        return _named(args[at + 1 : end : each], changes=changes) if len(args) >= end else None

    return pick


def _stored_counted(args: Arguments) -> Keys | None:
    sources = _counted(1, changes=False)(args)
    return None if sources is None else (Named(args[0], True), *sources)


def _within(known: frozenset[str], *, changes: bool) -> _Pick:
    return lambda args: (
        _named(args[1:2], changes=changes) if args and word(args[0]) in known else None
    )


_XREAD_OPTIONS = {"COUNT": 1, "BLOCK": 1, "GROUP": 2, "NOACK": 0, "CLAIM": 1}


def _streams(*, changes: bool) -> _Pick:
    def pick(args: Arguments) -> Keys | None:
        at = 0
        while at < len(args) and word(args[at]) != "STREAMS":
            if word(args[at]) not in _XREAD_OPTIONS:
                return None
            at += 1 + _XREAD_OPTIONS[word(args[at])]
        rest = args[at + 1 :]
        return _named(rest[: len(rest) // 2], changes=changes) if len(rest) % 2 == 0 else None

    return pick


def _options(args: Arguments, known: dict[str, int]) -> Iterator[tuple[str, Arguments] | None]:
    """Options and what belongs to them; None for one that is not known."""
    at = 0
    while at < len(args):
        option = word(args[at])
        if option not in known:
            yield None
            return
        yield option, args[at + 1 : at + 1 + known[option]]
        at += 1 + known[option]


_SORT_OPTIONS = {"ASC": 0, "DESC": 0, "ALPHA": 0, "LIMIT": 2, "STORE": 1, "BY": 1, "GET": 1}


def _sort(args: Arguments) -> Keys | None:
    """SORT looks at keys made from patterns: no one can tell which."""
    found = list(_named(args[:1], changes=False))
    for option in _options(args[1:], _SORT_OPTIONS):
        if option is None:
            return None
        kind, value = option
        if kind in ("BY", "GET") and value != (b"#",):
            return None
        if kind == "STORE":
            found += _named(value, changes=True)
    return tuple(found)


_GEO_OPTIONS = {"WITHCOORD": 0, "WITHDIST": 0, "WITHHASH": 0, "ASC": 0, "DESC": 0, "ANY": 0}
_GEO_OPTIONS |= {"COUNT": 1, "STORE": 1, "STOREDIST": 1}


def _radius(at: int) -> _Pick:
    """Options stand from ``at`` on."""

    def pick(args: Arguments) -> Keys | None:
        found = list(_named(args[:1], changes=False))
        for option in _options(args[at:], _GEO_OPTIONS):
            if option is None:
                return None
            if option[0].startswith("STORE"):
                found += _named(option[1], changes=True)
        return tuple(found)

    return pick


_PICKS: tuple[tuple[frozenset[str], _Pick], ...] = (
    (_CHANGES_FIRST, _slice(0, 1, changes=True)),
    (_LOOKS_AT_FIRST, _slice(0, 1, changes=False)),
    (_LOOKS_AT_ALL, _slice(0, None, changes=False)),
    (_CHANGES_ALL, _slice(0, None, changes=True)),
    (_STORES, _stored(slice(1, None))),
    (words("BITOP"), _stored(slice(2, None), at=1)),
    (_STORES_ONE, _stored(slice(1, 2))),
    (words("COPY"), _copied),
    (_CHANGES_TWO, _slice(0, 2, changes=True)),
    (words("LCS"), _slice(0, 2, changes=False)),
    (words("MOVE"), _slice(0, 1, changes=True)),
    (_BLOCKING, _slice(0, -1, changes=True)),
    (_PAIRS, _slice(0, None, 2, changes=True)),
    (words("MSETEX"), _counted(0, changes=True, each=2)),
    (_SCRIPTS, _counted(1, changes=True)),
    (_LOOKS_AT_COUNTED, _counted(0, changes=False)),
    (_CHANGES_COUNTED, _counted(0, changes=True)),
    (_CHANGES_COUNTED_LATER, _counted(1, changes=True)),
    (_STORES_COUNTED, _stored_counted),
    (words("SORT SORT_RO"), _sort),
    (words("GEORADIUS"), _radius(5)),
    (words("GEORADIUSBYMEMBER"), _radius(4)),
    (words("XREAD"), _streams(changes=False)),
    (words("XREADGROUP"), _streams(changes=True)),
)
_PICK = {name: pick for names, pick in _PICKS for name in names}
_PICK |= {n: _within(subs, changes=False) for n, subs in _LOOKS_WITHIN.items()}
_PICK |= {n: _within(subs, changes=True) for n, subs in _CHANGES_WITHIN.items()}

_GENERATED = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}|\d+"
)


def pattern(key: str) -> str:
    """A key without what differs between executions: ``order:17:lock`` is ``order:?:lock``."""
    return _GENERATED.sub("?", key)
