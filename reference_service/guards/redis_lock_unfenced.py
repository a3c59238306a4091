"""A Redis lock as it is often written: a lease, and a DEL that asks nobody.

Guarantees: one request at a time for as long as every request is quicker than REDIS_LEASE_MS
and Redis loses nothing.
Costs: two commands per operation.
Fails: when Stripe, a garbage collector or a scheduler makes the holder slower than its lease,
the lock is free and a second request charges. Then the first one's DEL deletes the second one's
lock, and a third comes in (Redis documentation, "Distributed Locks with Redis", on why the value
must be compared). Neither Postgres nor Stripe can tell an overtaken holder from the current one,
for nothing is shown to them (M. Kleppmann, "How to do distributed locking", 2016).
Survives: as ``unguarded``: nothing that leaves an answer unknown, nor that its lease is over.
"""

from __future__ import annotations

import logging
from typing import Any, Self

from paidonce.reference_service.guards.base import Context, Guard, Job, Section
from paidonce.reference_service.guards.redis_client import (
    RedisError,
    acquire,
    connect,
    lock_name,
    unavailable,
)
from paidonce.reference_service.guards.unguarded import UnguardedSection
from paidonce.reference_service.orders import in_progress

_log = logging.getLogger(__name__)


class Leased(UnguardedSection):
    def __init__(self, context: Context, job: Job, client: Any) -> None:
        super().__init__(context, job)
        self._client = client
        self._lock = lock_name(job.order_id)

    def __enter__(self) -> Self:
        try:
            if not acquire(
                self._client, self._lock, "locked", self.context.settings.redis_lease_ms
            ):
                raise in_progress()
        except RedisError:
            raise unavailable() from None
        return self

    def __exit__(self, *how: object) -> None:
        try:
            super().__exit__(*how)
        finally:
            try:
                self._client.delete(self._lock)
            except RedisError:
                _log.warning("the lock of order %s ends with its lease", self.job.order_id)


class RedisLockUnfenced(Guard):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._client = connect(context)

    def section(self, job: Job) -> Section:
        return Leased(self.context, job, self._client)

    def close(self) -> None:
        self._client.close()


def build(context: Context) -> Guard:
    return RedisLockUnfenced(context)
