"""The kinds of customers. Only for a Locust process."""

from __future__ import annotations

from functools import partial

from locust import task

from paidonce.harness.history import Action
from paidonce.harness.load.generate.clients import RecordedUser
from paidonce.harness.load.plan.contention import DISTINCT, TWO_HOT


class Payer(RecordedUser):
    """Everybody pays; which orders, the contention says."""

    @task
    def pay(self) -> None:
        """One payment, tried again as often as the run says."""
        order = self.pick_order()  # before its turn: it is there when the client comes
        if order is not None:
            self.await_turn()
            self.told(order, self.insist(Action.PAY, order))


class HotOrder(Payer):
    """Contention: everybody pays the same two orders, each as a client of its own."""

    contention = TWO_HOT


class ManyOrders(Payer):
    """No contention: everybody pays orders of their own, so nobody should wait for anybody."""

    contention = DISTINCT


class Shopper(RecordedUser):
    """A mixed day: intents, double clicks, retries, reads, cancellations and refunds.

    A client that got no answer, or was told that a payment is in progress, tries again with the
    same idempotency key, as Stripe advises (https://docs.stripe.com/error-low-level).
    """

    retries = 2

    @task
    def shop(self) -> None:
        """One customer's dealings with an order."""
        order = self.pick_order()
        if order is None:
            return
        self.await_turn()
        if self._happens(0.3, Action.CREATE_INTENT):
            self.perform(Action.CREATE_INTENT, order)
            self.pause()
        if self._happens(0.1, Action.CANCEL):
            self.told(order, self.perform(Action.CANCEL, order))
        elif self.random.random() < 0.25:
            self._double_click(order)
        else:
            self.told(order, self.insist(Action.PAY, order, key=self.fresh_key()))
        if self._happens(0.5, Action.READ):
            self.perform(Action.READ, order)
        if self._happens(0.15, Action.REFUND):
            self.pause()
            self._refund(order)

    def _happens(self, probability: float, action: Action) -> bool:
        return self.random.random() < probability and self.can(action)

    def _double_click(self, order: str) -> None:
        """Two requests at once: from a page that sends a key, or from one that does not."""
        key = self.fresh_key() if self.random.random() < 0.5 else None
        for done in self.together(
            partial(self.perform, Action.PAY, order, key=key),
            partial(self.perform, Action.PAY, order, key=key, attempt=f"{self.name}, second click"),
        ):
            self.told(order, done)

    def _refund(self, order: str) -> None:
        if self.random.random() < 0.5:
            self.insist(Action.REFUND, order, key=self.fresh_key())
        else:
            # Small enough for every order, and never all of it: two of them must add up.
            for _ in range(self.random.randint(1, 2)):
                self.insist(Action.REFUND, order, args={"amount": 100}, key=self.fresh_key())
