"""The one way every operation runs, whatever the guard."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from paidonce.reference_service.calls import Outcome, StripeCall
from paidonce.reference_service.conclude import Settlement
from paidonce.reference_service.database import Trouble, trouble
from paidonce.reference_service.gateway import Gateway
from paidonce.reference_service.guards.base import Guard, Job, LostRace, Section, Ticket
from paidonce.reference_service.operations.base import Operation, conclude_shared
from paidonce.reference_service.orders import (
    Order,
    OrderAnswer,
    Refused,
    error,
    in_progress,
    invalid,
)
from paidonce.reference_service.patience import Patience
from paidonce.reference_service.store import Earlier

_log = logging.getLogger(__name__)

_NO_DATABASE = error(503, "database_unavailable", "The database does not answer.")
_PERHAPS_RESERVED = error(
    502,
    "payment_outcome_unknown",
    "The database was lost while the request was being recorded; it may still be carried out.",
)
_NOT_RECORDED = error(
    502,
    "payment_outcome_unknown",
    "Stripe answered, and the database could not record it. It will be looked up again.",
)


class Flow:
    """Runs operations under ``guard``.

    ``retries`` bounds how often a lost race is run again, ``bound_s`` for how many seconds a
    transaction that the database could not serialize is.
    """

    def __init__(self, guard: Guard, gateway: Gateway, retries: int, bound_s: float) -> None:
        self._guard = guard
        self._gateway = gateway
        self._retries = retries
        self._bound_s = bound_s

    def run(
        self, operation: Operation, order_id: str, client_key: str | None = None
    ) -> OrderAnswer:
        """The client's answer; raises only for defects."""
        job = Job(order_id, operation.kind, operation.request(), client_key)
        try:
            with self._guard.section(job) as section:
                return self._run(section, operation, job)
        except Refused as refused:
            return refused.answer

    def _run(self, section: Section, operation: Operation, job: Job) -> OrderAnswer:
        patience = Patience(self._retries, self._bound_s)
        races = 0
        for retries in itertools.count():
            writing = False
            try:
                order = section.read()
                earlier = section.earlier()
                if earlier is not None:
                    return replay(earlier, job)
                try:
                    plan = operation.decide(order)
                except Refused:
                    section.stands()
                    raise
                writing = True
                if plan.call is None:
                    return counted(section.commit(order, plan), retries)
                ticket = section.reserve(order, plan)
            except LostRace:
                races += 1
                if races > self._retries:
                    return counted(in_progress().answer, retries)
                continue
            except PoolTimeout:
                return _NO_DATABASE
            except DBAPIError as problem:
                match trouble(problem):
                    case Trouble.LOST if patience.again():
                        continue
                    case Trouble.LOST:
                        return counted(in_progress().answer, retries)
                    case Trouble.CONTENDED:
                        raise in_progress() from None
                    case Trouble.GONE if writing:
                        # The commit may have gone through: neither "done" nor "not done".
                        return _PERHAPS_RESERVED
                    case Trouble.GONE if retries < self._retries:
                        # Most likely a pooled connection that died while it was idle.
                        continue
                    case Trouble.GONE:
                        return _NO_DATABASE
                    case _:
                        raise
            # From here on nothing is tried again: Stripe is called once.
            outcome = self._gateway.send(ticket.call, ticket.key)
            settlement = conclude(operation, at_rest(ticket), ticket.call, outcome)
            return counted(self._settle(section, ticket, settlement), retries)
        raise AssertionError("unreachable: the loop is left by its own bounds")

    def _settle(self, section: Section, ticket: Ticket, settlement: Settlement) -> OrderAnswer:
        """Record the settlement, again and again if need be: the call was made, and is known."""
        patience = Patience(self._retries, self._bound_s)
        while True:
            try:
                return section.settle(ticket, settlement)
            except (DBAPIError, PoolTimeout) as problem:
                _log.warning("order %s: could not settle: %s", ticket.order.id, problem)
                if not section.resettles or not patience.again():
                    break
        try:
            section.salvage(ticket)
        except (DBAPIError, PoolTimeout, Refused) as problem:
            _log.error("order %s: attempt lost: %s", ticket.order.id, problem)
        return _NOT_RECORDED


def conclude(
    operation: Operation | type[Operation], order: Order, call: StripeCall, outcome: Outcome
) -> Settlement:
    """Return how ``outcome`` settles ``order``, which is the order at rest; pure."""
    return conclude_shared(order, outcome) or operation.conclude(order, call, outcome)


def at_rest(ticket: Ticket) -> Order:
    """The order as decided upon, at the version that its row has now."""
    return replace(ticket.order, version=ticket.version)


def replay(earlier: Earlier, job: Job) -> OrderAnswer:
    """The answer that this client key got before, if it belongs to the same request."""
    if dict(earlier.request) != dict(job.request):
        raise invalid("This Idempotency-Key was used with other parameters.")
    if earlier.answer is None:
        raise in_progress()
    return replace(earlier.answer, headers={"Idempotent-Replayed": "true"})


def counted(answer: OrderAnswer, retries: int) -> OrderAnswer:
    """``answer``, saying how many lost races it took."""
    if not retries:
        return answer
    return replace(answer, headers={**answer.headers, "Payment-Retries": str(retries)})
