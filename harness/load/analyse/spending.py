"""Where the time of a request goes: what the service says of it, and what samples say. Pure.

Samples tell means without the service's help, by Little's law (J. Little, *A proof for the queuing
formula L = λW*, Operations Research 9, 1961): if on average L sessions wait for a lock and X
requests a second are answered, a request waits L / X seconds. It holds for means over a window that
is long against one request, whatever the distributions.
"""

from __future__ import annotations

from collections.abc import Mapping

from paidonce.harness.results.load_observed import Counted, Part, Sessions, Spent, Where

_TOLD = (Where.POOL, Where.LOCK, Where.DATABASE, Where.STRIPE, Where.REDIS)


def spent(
    *,
    payment_ms: float | None,
    told_ms: Mapping[str, float],
    operation_ms: float,
    operations: float,
    sessions: Sessions,
    counted: Counted,
) -> Spent:
    """The parts of a request's mean time.

    ``payment_ms`` is the mean latency of the payments that succeeded and were told of, ``told_ms``
    what was told; ``operation_ms`` and ``operations`` (a second) are of every operation.

    Where a service does not say for how long it waited for locks, that is a part of what it says
    of its database: the share that sessions were seen to wait of the time in which they were
    active. Parts that are from samples are of all that the service did meanwhile, creating orders
    as well; they are cut off where they would add up to more than there is.
    """
    if payment_ms is not None and told_ms:
        parts = _told(told_ms, sessions)
        return _whole("payment", payment_ms, parts)
    if not operations:
        return _whole("operation", operation_ms, ())
    lock = Part(where=Where.LOCK, ms=sessions.waiting / operations * 1000)
    database = Part(where=Where.DATABASE, ms=sessions.working / operations * 1000)
    stripe = Part(
        where=Where.STRIPE,
        ms=(counted.stripe_calls or 0.0) * (counted.stripe_ms or 0.0) / operations,
    )
    return _whole("operation", operation_ms, (lock, database, stripe))


def _told(told_ms: Mapping[str, float], sessions: Sessions) -> tuple[Part, ...]:
    parts = {name: told_ms[name] for name in _TOLD if name in told_ms}
    database = parts.get(Where.DATABASE)
    guessed = Where.LOCK not in parts and database is not None
    if guessed and database is not None:
        active = sessions.waiting + sessions.working
        lock = database * sessions.waiting / active if active else 0.0
        parts[Where.LOCK], parts[Where.DATABASE] = lock, database - lock
    return tuple(
        Part(where=name, ms=parts[name], told=not (guessed and name is Where.LOCK))
        for name in _TOLD
        if name in parts
    )


def _whole(of: str, ms: float, parts: tuple[Part, ...]) -> Spent:
    """The parts, none longer than what is left of ``ms``, and the rest."""
    left = ms
    kept = []
    for part in parts:
        length = min(max(part.ms, 0.0), left)
        left -= length
        kept.append(Part(where=part.where, ms=round(length, 4), told=part.told))
    rest = Part(where=Where.SERVICE, ms=round(left, 4))
    return Spent(of=of, ms=round(ms, 4), parts=(*kept, rest))
