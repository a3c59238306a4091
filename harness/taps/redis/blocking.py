"""Commands that wait until another client sends what they ask for.

https://redis.io/docs/latest/commands/, those in whose documentation "blocking" stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.taps.redis.keys import words

_BLOCK = words("BLPOP BRPOP BLMOVE BRPOPLPUSH BZPOPMIN BZPOPMAX BLMPOP BZMPOP WAIT WAITAOF")
_STREAMS = words("XREAD XREADGROUP")


def may_block(name: str, args: Sequence[bytes]) -> bool:
    """Return whether a command waits where there is nothing yet. ``name`` is in capitals."""
    if name in _BLOCK:
        return True
    if name not in _STREAMS:
        return False
    options = [argument.upper() for argument in args]
    ends = options.index(b"STREAMS") if b"STREAMS" in options else len(options)
    return b"BLOCK" in options[:ends]
