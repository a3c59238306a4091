"""The service's parts, put together from its settings."""

from __future__ import annotations

import importlib

from sqlalchemy import Connection, Engine

from paidonce.reference_service import store
from paidonce.reference_service.database import make_engine
from paidonce.reference_service.flow import Flow
from paidonce.reference_service.gateway import Gateway
from paidonce.reference_service.guards import GUARDS
from paidonce.reference_service.guards.base import Context, Guard
from paidonce.reference_service.orders import Order
from paidonce.reference_service.reconciliation import Reconciliation
from paidonce.reference_service.recovery import Recovery, RecoveryThread
from paidonce.reference_service.settings import Settings


class Service:
    """Engine, Stripe gateway, guard, flow and recovery of one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine: Engine = make_engine(settings)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.gateway = Gateway(settings)
        self.guard = load_guard(settings, self.engine)
        self.flow = Flow(
            self.guard, self.gateway, settings.guard_retries, settings.lock_timeout_ms / 1000
        )
        self.recovery = Recovery(self.engine, self.gateway, settings)
        self.reconciliation = Reconciliation(self.gateway, self.flow, self.order)
        self._thread = RecoveryThread(self.recovery, settings.recovery_interval_s)

    def start(self) -> None:
        """Start the recovery, if it is wanted and the guard leaves anything to recover."""
        if self.settings.recovery_interval_s and GUARDS[self.settings.payment_guard].sound:
            self._thread.start()

    def stop(self) -> None:
        self._thread.stop()
        self.guard.close()
        self.gateway.close()
        self.engine.dispose()

    def connect(self) -> Connection:
        """A connection on which each statement stands alone."""
        return self._autocommit.connect()

    def order(self, order_id: str) -> Order | None:
        with self.connect() as connection:
            return store.fetch_order(connection, store.READ, id=order_id)

    def shown(self, order_id: str) -> tuple[Order, list[str]] | None:
        """The order and what was handed out for it, by what paid for that."""
        with self.connect() as connection:
            return store.show_order(connection, order_id)

    def coupon_off(self, code: str) -> int | None:
        """The minor units by which a coupon makes an order cheaper; None where there is none."""
        with self.connect() as connection:
            return store.coupon_off(connection, code)

    def renew(self) -> int:
        """Serve the renewals that no webhook has brought; how many. Raises ``StripeError``."""
        with self.connect() as connection:
            orders = store.subscribed(connection)
        return self.reconciliation.renew(orders)


def load_guard(settings: Settings, engine: Engine) -> Guard:
    """The guard that the settings name."""
    name = GUARDS[settings.payment_guard].module
    module = importlib.import_module(f"paidonce.reference_service.guards.{name}")
    guard: Guard = module.build(Context(settings, engine))
    return guard
