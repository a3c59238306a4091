"""A guard: a section around one operation on one order, in the same few steps.

The flow (``paidonce.reference_service.flow``) calls them in this order::

    enter -> read -> earlier -> [decide] -> commit                         -> exit   no call
                                         -> reserve -> [Stripe] -> settle  -> exit   one call
                                [refuse] -> stands                         -> exit   nothing

``read`` to ``reserve`` may be repeated when a race was lost, always before Stripe is called and
never around it: a repeated Stripe call is how one retry becomes two charges.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Connection, Engine

from paidonce.reference_service import spent, store
from paidonce.reference_service.calls import StripeCall, stripe_key
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer, not_found, used_up
from paidonce.reference_service.settings import Settings
from paidonce.reference_service.store import Attempt, Earlier


class LostRace(Exception):
    """Somebody else changed the order after it was read; reading again is worth while."""


@dataclass(frozen=True)
class Context:
    """The parts that every guard is built from."""

    settings: Settings
    engine: Engine
    _isolated: dict[str, Engine] = field(default_factory=dict)

    def engine_at(self, isolation: str) -> Engine:
        """The engine at an isolation level; made once, for making it takes as long as a statement.

        Two threads may make it at the same time, which harms nobody.
        """
        engine = self._isolated.get(isolation)
        if engine is None:
            engine = self.engine.execution_options(isolation_level=isolation)
            self._isolated[isolation] = engine
        return engine


@dataclass(frozen=True)
class Job:
    """One request: which order, which operation, and the client's idempotency key if any."""

    order_id: str
    kind: str
    request: Mapping[str, Any]
    client_key: str | None = None


@dataclass(frozen=True)
class Ticket:
    """The right to make one Stripe call. ``order`` is the order as it was decided upon and
    ``version`` the row's version now; ``key`` is the idempotency key to send."""

    attempt: UUID
    order: Order
    version: int
    call: StripeCall
    key: str | None


class Section(ABC):
    """One operation on one order under a guard. Used by one thread, once."""

    keyed = True
    """True if Stripe calls carry the key of ``calls.stripe_key``."""
    resettles = True
    """True if ``settle`` may be called again after it raised."""

    def __init__(self, context: Context, job: Job) -> None:
        self.context = context
        self.job = job
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def read(self) -> Order:
        """The order to decide upon. Raises ``Refused`` if there is none."""

    def earlier(self) -> Earlier | None:
        """The attempt that the client's idempotency key belongs to.

        It is looked for after the order was read: if an attempt with this key ended before the
        reading, it is found here; if it ends after it, the reservation fails.
        """
        if self.job.client_key is None:
            return None
        return store.find_earlier(
            self.connection, self.job.order_id, self.job.kind, self.job.client_key
        )

    def stands(self) -> None:  # noqa: B027 - most guards' reads are final as they are
        """Make sure that what was read, and led to a refusal, was true. May raise ``LostRace``."""

    @abstractmethod
    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        """Carry out a plan that needs no Stripe call."""

    @abstractmethod
    def reserve(self, order: Order, plan: Plan) -> Ticket:
        """Make the decision ours before Stripe is called. Raises ``LostRace``."""

    @abstractmethod
    def settle(self, ticket: Ticket, settlement: Settlement) -> OrderAnswer:
        """Record how it ended; the answer is the client's."""

    def salvage(self, ticket: Ticket) -> None:  # noqa: B027 - most guards reserved durably
        """``settle`` failed for good: save what can be saved of the attempt."""

    @property
    def connection(self) -> Connection:
        assert self._connection is not None, "nothing has been read yet"
        return self._connection

    def connect(self, isolation: str | None = None) -> Connection:
        """A connection for the next step, after giving back the one before, rolled back."""
        self.close()
        context = self.context
        engine = context.engine if isolation is None else context.engine_at(isolation)
        with spent.on(spent.POOL):
            self._connection = engine.connect()
        return self._connection

    def close(self) -> None:
        """Give the connection back; whatever was not committed is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def ticket(self, order: Order, plan: Plan, version: int, attempt: UUID | None = None) -> Ticket:
        assert plan.call is not None
        key = stripe_key(order, plan.call) if self.keyed else None
        return Ticket(attempt or uuid.uuid4(), order, version, plan.call, key)

    def attempt(
        self, ticket: Ticket, state: State, answer: OrderAnswer | None = None, **more: Any
    ) -> Attempt:
        """The ``attempts`` row for ``ticket``."""
        return Attempt(
            id=ticket.attempt,
            kind=self.job.kind,
            seq=ticket.order.attempt_no,
            state=state,
            stripe_key=ticket.key,
            client_key=self.job.client_key,
            params={"request": dict(self.job.request), "call": ticket.call.to_json()},
            answer=answer,
            **more,
        )

    def local_attempt(
        self, order: Order, answer: OrderAnswer, attempt: UUID | None = None
    ) -> Attempt:
        """The ``attempts`` row of an operation that called nothing, for replays."""
        return Attempt(
            id=attempt or uuid.uuid4(),
            kind=self.job.kind,
            seq=order.attempt_no,
            state=State.SUCCEEDED,
            client_key=self.job.client_key,
            params={"request": dict(self.job.request)},
            answer=answer,
        )

    def redeem(self, connection: Connection, code: str) -> bool:
        """Use a coupon, which others than this order's may want; False where it is used up."""
        return store.take_coupon(connection, code)

    def write_beside(self, connection: Connection, order: Order, plan: Plan) -> OrderAnswer | None:
        """Write what a plan without a Stripe call writes beside the order, to be committed with it.

        Returns the answer where its event was recorded before, and nothing else is to be written.
        Raises ``Refused`` where its coupon is used up.
        """
        if plan.event is not None and not store.add_event(connection, order.id, plan.event):
            assert plan.answer_if_seen is not None
            return plan.answer_if_seen
        if plan.redeems is not None and not self.redeem(connection, plan.redeems):
            raise used_up()
        if plan.hands_out is not None:
            store.hand_out(connection, order.id, plan.hands_out)
        return None

    def write_local(
        self, connection: Connection, order: Order, plan: Plan, when: str, **values: Any
    ) -> OrderAnswer:
        """Write a plan without a Stripe call where ``when`` holds, else raise ``LostRace``."""
        seen = self.write_beside(connection, order, plan)
        if seen is not None:
            return seen
        after, answer = plan.local.order, plan.local.answer
        if self.job.client_key is not None:
            attempt = self.local_attempt(order, answer)
            written = store.write_with_attempt(connection, after, attempt, when, **values)
        else:
            written = after == order or store.write_order(connection, after, when, **values)
        if not written:
            raise LostRace
        return answer


class Guard(ABC):
    """A guard in use. ``close`` gives back what it holds open."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def section(self, job: Job) -> Section:
        """The section for one request."""

    def close(self) -> None:  # noqa: B027 - most guards hold nothing
        """Let go of connections of its own."""


class SimpleGuard(Guard):
    """A guard that needs nothing but a section class."""

    def __init__(self, context: Context, section: type[Section]) -> None:
        super().__init__(context)
        self._section = section

    def section(self, job: Job) -> Section:
        return self._section(self.context, job)


def found(order: Order | None) -> Order:
    if order is None:
        raise not_found()
    return order
