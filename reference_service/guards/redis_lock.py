"""A Redis lock whose fencing token Postgres checks before Stripe is called.

Guarantees: the lock (``SET NX PX`` with the owner's random value, released by a script that
deletes it only if the value is still ours; Redis documentation, "Distributed Locks with Redis")
keeps most rivals away, but its lease may end while its holder is still at work. So every holder
draws a token from a counter and shows it to Postgres with its reading: the order remembers the
highest token seen, and only the holder of that one may reserve. A holder that was overtaken
finds its token too small and has sent nothing (M. Kleppmann, "How to do distributed locking",
2016). From the reservation on the order itself refuses others, however long Stripe takes.
The token has to be checked at the reading, not only at the write: else an overtaken holder could
reserve, charge and settle between the reading and the reservation of its successor.
Costs: Redis as a second thing that must be up, four commands per operation and a row version
for each reading.
Fails: never with two charges. If Redis loses the counter (a restart without persistence, a
failover) tokens start low; they are refused, and the counter is put above what Postgres saw.
Survives: as ``reserving``, and that its lease is over at any moment, since Postgres asks for the
token.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any, Self

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import (
    Context,
    Guard,
    Job,
    LostRace,
    Section,
    Ticket,
    found,
)
from paidonce.reference_service.guards.redis_client import (
    RedisError,
    acquire,
    connect,
    lock_name,
    unavailable,
)
from paidonce.reference_service.guards.reserving import ReservingSection
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer, in_progress

_log = logging.getLogger(__name__)
COUNTER = "order-fence"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"
_RAISE = (
    "if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1])"
    " then redis.call('SET', KEYS[1], ARGV[1]) end"
)


class RedisLocked(ReservingSection):
    def __init__(self, context: Context, job: Job, client: Any) -> None:
        super().__init__(context, job)
        self._client = client
        self._lock = lock_name(job.order_id)
        self._owner = secrets.token_hex(16)
        self._token = 0

    def __enter__(self) -> Self:
        try:
            if not acquire(
                self._client, self._lock, self._owner, self.context.settings.redis_lease_ms
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
                self._client.eval(_RELEASE, 1, self._lock, self._owner)
            except RedisError:
                _log.warning("the lock of order %s ends with its lease", self.job.order_id)

    def read(self) -> Order:
        self._token = self._draw()
        connection = self.connect("AUTOCOMMIT")
        order = store.fetch_order(connection, store.FENCE, id=self.job.order_id, token=self._token)
        if order is None:
            order = found(store.fetch_order(connection, store.READ, id=self.job.order_id))
            self._overtaken(order.fence)
        return order

    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        connection = self.connect()
        answer = self.write_local(connection, order, plan, store.SAME_FENCE, token=self._token)
        connection.commit()
        return answer

    def reserve(self, order: Order, plan: Plan) -> Ticket:
        ticket = self.reserve_where(order, plan, store.SAME_FENCE, token=self._token)
        self.close()
        return ticket

    def _draw(self) -> int:
        try:
            return int(self._client.incr(COUNTER))
        except RedisError:
            raise unavailable() from None

    def _overtaken(self, fence: int) -> None:
        """Postgres has seen a higher token: ours is stale, or the counter was lost."""
        try:
            self._client.eval(_RAISE, 1, COUNTER, fence)
            if self._client.get(self._lock) != self._owner:
                raise in_progress()
        except RedisError:
            raise unavailable() from None
        raise LostRace


class RedisLock(Guard):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._client = connect(context)

    def section(self, job: Job) -> Section:
        return RedisLocked(self.context, job, self._client)

    def close(self) -> None:
        self._client.close()


def build(context: Context) -> Guard:
    return RedisLock(context)
