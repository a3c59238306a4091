"""The three kinds of customers. Only for a Locust process."""

from __future__ import annotations

from functools import partial

from locust import task

from harness.history import Action, Completed, Outcome
from harness.load.clients import RecordedUser

_TRIES = 3
_IN_PROGRESS = "payment_in_progress"


class HotOrder(RecordedUser):
    """Contention: everybody pays the same few orders, each as a client of its own."""

    @task
    def pay(self) -> None:
        place = self.random.choice(self.run_.hot)
        order = place.current(self.create_order)
        if order is None:
            return
        self.await_turn()
        if self.perform(Action.PAY, order).outcome is Outcome.OK:
            place.finished(order, self.create_order)
        else:
            place.unfinished(order, self.create_order)


class ManyOrders(RecordedUser):
    """No contention: everybody pays orders of their own, so nobody should wait for anybody."""

    @task
    def pay(self) -> None:
        order = self.create_order()  # before its turn: it is there when the client comes
        if order is not None:
            self.await_turn()
            self.perform(Action.PAY, order)


class Shopper(RecordedUser):
    """A mixed day: intents, double clicks, retries, reads, cancellations and refunds.

    A client that got no answer, or was told that a payment is in progress, tries again with the
    same idempotency key, as Stripe advises (https://docs.stripe.com/error-low-level).
    """

    @task
    def shop(self) -> None:
        order = self.create_order()
        if order is None:
            return
        self.await_turn()
        if self._happens(0.3, Action.CREATE_INTENT):
            self.perform(Action.CREATE_INTENT, order)
            self.pause()
        if self._happens(0.1, Action.CANCEL):
            self.perform(Action.CANCEL, order)
        elif self.random.random() < 0.25:
            self._double_click(order)
        else:
            self._patiently(Action.PAY, order)
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
        self.together(
            partial(self.perform, Action.PAY, order, key=key),
            partial(self.perform, Action.PAY, order, key=key, attempt=f"{self.name}, second click"),
        )

    def _patiently(self, action: Action, order: str, args: dict[str, int] | None = None) -> None:
        key = self.fresh_key()
        for _ in range(_TRIES):
            if not _worth_another_try(self.perform(action, order, args=args, key=key)):
                return
            self.pause()

    def _refund(self, order: str) -> None:
        if self.random.random() < 0.5:
            self._patiently(Action.REFUND, order)
        else:
            # Small enough for every order, and never all of it: two of them must add up.
            for _ in range(self.random.randint(1, 2)):
                self._patiently(Action.REFUND, order, {"amount": 100})


def _worth_another_try(done: Completed) -> bool:
    return done.outcome is Outcome.UNKNOWN or done.code == _IN_PROGRESS
