"""Events from outside a service, at a moment that a gate chooses: a crash, time passing.

A gate calls ``happen`` before it returns from ``request`` or ``answer``. So a process may be killed
before a call went on (the gate then returns ``NoContact``), after its effect (at ``answer``), or
while its effect is under way (the gate returns None at ``request``: what was sent is carried out,
and nobody is there to be answered).
"""

from __future__ import annotations

import asyncio

import redis.asyncio as aioredis

from paidonce.harness.errors import DeadlineExceeded, UsageError
from paidonce.harness.history import Fault, Recorder
from paidonce.harness.process.threads import in_thread
from paidonce.harness.taps.faults import Crash, FromOutside, TimePasses
from paidonce.harness.testbed.bench import Bench

_GONE_WITHIN_S = 10.0
_NEARER = """
redis.call('SELECT', ARGV[1])
local over = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    local rest = left - tonumber(ARGV[2])
    if rest <= 0 then
      rest = 1
      over[#over + 1] = key
    end
    redis.call('PEXPIRE', key, rest)
  end
end
return over
"""
"""Brings the end of all that expires nearer. What is over by then expires in a millisecond, by
itself, so that whoever listens is told that it expired (and not that it was deleted)."""
_LEFT = "redis.call('SELECT', ARGV[1]) return redis.call('EXISTS', unpack(KEYS))"


class Outside:
    """Has things happen to the service on ``bench``, one at a time."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @property
    def faults(self) -> tuple[Crash, ...]:
        """The crashes that can happen: of each process that is ours."""
        processes = self._bench.running.processes
        return tuple(Crash(process.name) for process in processes if not process.elsewhere)

    async def happen(self, fault: FromOutside, journal: Recorder | None = None) -> None:
        """Return once it has happened. It is recorded before, so before all that comes of it.

        After a crash the service is ready again; whoever is cancelled while it starts leaves it
        starting. Raises ``UsageError`` where it cannot happen, ``Unavailable`` where Stripe does
        not answer, ``ChildFailed`` and ``DeadlineExceeded`` where the service does not come back.
        """
        if journal is not None:
            journal.record(
                Fault(t=journal.now(), tap="service", kind=fault.kind, detail=fault.label)
            )
        match fault:
            case Crash(process):
                crashing = self._bench.running.process(process)
                await in_thread(crashing.crash)
            case TimePasses(seconds, at_stripe):
                await self._pass(seconds, at_stripe=at_stripe)

    async def _pass(self, seconds: float, *, at_stripe: bool) -> None:
        bench = self._bench
        if bench.advance is None and bench.redis is None:
            raise UsageError(
                "time cannot be made to pass: neither Redis nor this Stripe has a clock"
            )
        if bench.advance is not None and at_stripe:
            await bench.advance(seconds)
        if bench.redis is not None:
            for database in await _databases(bench.redis, every=bench.owns_redis):
                await _expire(bench.redis, database, round(seconds * 1000))


async def _databases(redis: aioredis.Redis, *, every: bool) -> list[int]:
    """The databases whose keys expire: all of a server of ours, else the one that is in use."""
    if not every:
        return [redis.connection_pool.connection_kwargs.get("db", 0)]
    keyspace = await redis.info("keyspace")
    return [int(name.removeprefix("db")) for name in keyspace]


async def _expire(redis: aioredis.Redis, database: int, ms: int) -> None:
    over = await redis.eval(_NEARER, 0, database, ms)
    try:
        async with asyncio.timeout(_GONE_WITHIN_S):
            while over and await redis.eval(_LEFT, len(over), *over, database):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    except TimeoutError:
        raise DeadlineExceeded("keys in Redis to expire", _GONE_WITHIN_S) from None
