"""Finish the attempts that nobody else will: of unknown outcome, or left live by a crash.

Each is taken with a lease, in one short statement that skips what another worker has locked
(``FOR UPDATE SKIP LOCKED``, PostgreSQL manual, SELECT). Then the *same* request is sent with the
*same* key, so Stripe executes it if it never had and replays its answer if it had, and the
outcome is settled as the request itself would have, once. Attempts older than Stripe's memory
of keys (24 hours) are left for a person: repeated then, they would be new.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from paidonce.reference_service import store
from paidonce.reference_service.calls import Outcome, Result, StripeCall
from paidonce.reference_service.database import Trouble, trouble
from paidonce.reference_service.flow import conclude
from paidonce.reference_service.gateway import Gateway
from paidonce.reference_service.operations import OPERATIONS
from paidonce.reference_service.reconcile import look
from paidonce.reference_service.settings import Settings

_log = logging.getLogger(__name__)

_BATCH = 20
_SETTLE_TRIES = 3
_MIN_BACKOFF_S = 0.2
# Clocks differ; an intent is looked for from a little before the order was made.
_CLOCK_SLACK_S = 300

_TAKE = text(
    "WITH taken AS (UPDATE attempts SET lease_until = now() + make_interval(secs => :lease)"
    " WHERE id IN ("
    " SELECT id FROM attempts WHERE state IN ('live', 'unknown') AND lease_until <= now()"
    " AND created_at > now() - interval '23 hours' ORDER BY lease_until LIMIT :batch"
    " FOR UPDATE SKIP LOCKED)"
    " RETURNING id, order_id, kind, stripe_key, params)"
    " SELECT taken.*, CAST(extract(epoch FROM orders.created_at) AS bigint)"
    " FROM taken JOIN orders ON orders.id = taken.order_id"
)


@dataclass(frozen=True)
class _Taken:
    id: UUID
    order_id: str
    kind: str
    stripe_key: str
    params: dict[str, Any]
    ordered: int
    """When the order was made, Unix seconds: Stripe has nothing of it from before."""


class Recovery:
    """Recovery passes over ``engine``. ``lease_s`` is how long a pass may take per attempt."""

    def __init__(self, engine: Engine, gateway: Gateway, settings: Settings) -> None:
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._gateway = gateway
        self._lease_s = max(settings.claim_lease_s, settings.stripe_timeout_s)
        self._backoff_s = max(settings.recovery_interval_s, _MIN_BACKOFF_S)

    def run_once(self) -> int:
        """One pass; the number of attempts it settled. Raises ``DBAPIError``."""
        with self._autocommit.connect() as connection:
            rows = connection.execute(_TAKE, {"lease": self._lease_s, "batch": _BATCH}).all()
        return sum(self._finish(_Taken(*row)) for row in rows)

    def _finish(self, taken: _Taken) -> bool:
        call = StripeCall.from_json(taken.params["call"])
        outcome = self._find_out(taken, call)
        for _ in range(_SETTLE_TRIES):
            try:
                return self._settle(taken, call, outcome)
            except DBAPIError as problem:
                if trouble(problem) not in (Trouble.CONTENDED, Trouble.LOST):
                    raise
        _log.warning("order %s is locked; its attempt is settled in a later pass", taken.order_id)
        return False

    def _settle(self, taken: _Taken, call: StripeCall, outcome: Outcome) -> bool:
        operation = OPERATIONS[taken.kind]
        with self._autocommit.connect() as connection:
            order = store.fetch_order(connection, store.READ, id=taken.order_id)
            if order is None or order.pending_attempt != taken.id:
                return False
            # Pending is this attempt, so nobody else changes the order until it is settled.
            settlement = conclude(operation, replace(order, pending_attempt=None), call, outcome)
            if not settlement.final:
                store.mark_unknown(connection, taken.id, self._backoff_s)
                return False
            settled = store.settle(connection, taken.id, settlement)
        if settled:
            _log.info("order %s: %s recovered as %s", order.id, taken.kind, settlement.state)
        return settled

    def _find_out(self, taken: _Taken, call: StripeCall) -> Outcome:
        outcome = self._gateway.send(call, taken.stripe_key)
        over = outcome.result is Result.UNKNOWN and outcome.replayed
        unfinished = outcome.result is Result.UNKNOWN and outcome.intent is not None
        if over or unfinished or outcome.result is Result.KEY_MISMATCH:
            return look(self._gateway, call, taken.stripe_key, taken.ordered - _CLOCK_SLACK_S)
        return outcome


class RecoveryThread:
    """Runs passes every ``interval_s`` until stopped."""

    def __init__(self, recovery: Recovery, interval_s: float) -> None:
        self._recovery = recovery
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recovery", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop. A pass under way is not waited for: it can be repeated by anyone."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self._recovery.run_once()
            except (DBAPIError, PoolTimeout) as problem:
                _log.warning("recovery: %s", problem)
            except Exception:  # whatever went wrong, the next pass may go well
                _log.exception("recovery failed; it will try again")
