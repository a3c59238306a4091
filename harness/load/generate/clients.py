"""A user of Locust who sends operations to a target and has each of them recorded.

Only for a Locust process: importing this replaces Python's blocking calls with gevent's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, TypeVar

import gevent
from locust import User
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from paidonce.harness.history import Action, Completed, Outcome
from paidonce.harness.load.generate.current import LoadRun, current_run
from paidonce.harness.load.generate.orders import HotPlace
from paidonce.harness.load.generate.sending import Sender
from paidonce.harness.load.plan.arrivals import Arrivals
from paidonce.harness.load.plan.contention import DISTINCT, Contention
from paidonce.harness.load.plan.retrying import delay, worth_another_try
from paidonce.harness.models.order_state import ORDER_ALREADY_PAID, ORDER_CANCELLED
from paidonce.harness.service.description import Target, creation_request, request_for
from paidonce.harness.service.responses import order_id

T = TypeVar("T")

_NO_RUN_S = 1.0
"""The patience of a user that has nothing to do."""
_CURRENCY = "usd"
_LEAST_AMOUNT, _HIGHEST_AMOUNT = 500, 20_000


class RecordedUser(User):
    """A client whose every operation becomes an invocation and a completion in the history."""

    abstract = True
    contention: Contention | None = None
    """Which orders users of this class pick; None: as the settings say, or distinct ones."""
    retries = 0
    """How often they ask again, where the settings do not say."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._run = run = current_run()
        self._sender = Sender(
            environment.host or "",
            partial(environment.events.request.fire, context=self.context()),
            patience=_NO_RUN_S if run is None else run.settings.patience,
        )
        self.name = "" if run is None else run.next_user()
        seed = None if run is None else f"{run.settings.seed} {self.name}"
        self.random = random.Random(seed)
        self._keys = count(1)
        self._late = 0
        self._place: HotPlace | None = None
        self._arrivals: Arrivals | None = None
        if run is not None and run.settings.rate:
            self._arrivals = Arrivals(
                run.settings.plan.users / run.settings.rate,
                poisson=run.settings.poisson,
                chance=random.Random(f"{seed} arrivals"),
                start=time.monotonic(),
            )

    def on_start(self) -> None:
        """A user without a run (its start was refused) has nothing to do. Raises ``StopUser``."""
        if self._run is None:
            raise StopUser

    def stop(self, force: bool = False) -> bool:
        """Stop after the task that is under way; a pausing user first ends its pause.

        Locust would kill a pausing user at once, and one that wakes in that very moment has a
        request under way when the kill arrives: an operation whose outcome nobody learns.
        """
        if not force and self._state == LOCUST_STATE_WAITING:
            self._state = LOCUST_STATE_STOPPING
            return False
        return bool(super().stop(force))

    def wait_time(self) -> float:
        """Pause between two tasks; in an open loop a task waits for its turn instead.

        The pause is made here, so that the end of the load also ends one of minutes.
        """
        if self._arrivals is None:
            self.pause()
        return 0.0

    def await_turn(self) -> None:
        """In an open loop, wait for the moment to come; what is late is said to be so.

        Raises ``StopUser`` where the load ends before that.
        """
        if self._arrivals is None:
            return
        due = self._arrivals.next()
        early = due - time.monotonic()
        if early > 0 and not self.run_.rest(early):
            raise StopUser
        self._late = max(0, round((time.monotonic() - due) * 1e9))

    @property
    def run_(self) -> LoadRun:
        """The run it is part of; Locust has a ``run`` of its own."""
        assert self._run is not None, "on_start lets no user without a run begin"
        return self._run

    @property
    def target(self) -> Target:
        """The service it is a client of."""
        return self.run_.target

    def can(self, action: Action) -> bool:
        """Return whether the target offers ``action``."""
        return action is Action.READ or action in self.target.routes

    def fresh_key(self) -> str:
        """A new idempotency key, unique in the run."""
        return f"{self.run_.settings.run}/{self.name}/{next(self._keys)}".replace(" ", "-")

    def pause(self) -> None:
        """Think, between two requests; a user that is to stop does so now (``StopUser``)."""
        if not self.run_.rest(self.run_.settings.think.sample(self.random)):
            raise StopUser

    def pick_order(self) -> str | None:
        """An order to pay, as the contention says; None if there is none to be had."""
        run = self.run_
        contention = self.contention or run.settings.contention or DISTINCT
        if contention == DISTINCT:
            self._place = None
            return self.create_order()
        self._place = run.places(contention).pick(self.random)
        return self._place.current(self.create_order)

    def told(self, order: str, done: Completed) -> None:
        """Note how paying (or cancelling) the order picked last ended: a new one may be needed."""
        if self._place is None:
            return
        over = done.outcome is Outcome.OK or done.code in (ORDER_ALREADY_PAID, ORDER_CANCELLED)
        if over:
            self._place.finished(order, self.create_order)
        else:
            self._place.unfinished(order, self.create_order)

    def create_order(self) -> str | None:
        """Create an order of some amount and record it; None if there is none to be had."""
        run = self.run_
        if not run.budget.take():
            # Wait for the end of the run, of which everybody has been told.
            run.rest(0.05)
            return None
        amount = self.random.randrange(_LEAST_AMOUNT, _HIGHEST_AMOUNT)
        order = None
        try:
            request = creation_request(self.target, amount, _CURRENCY)
            sent = self._sender.send(request)
            problem = sent.problem or (f"status {sent.status}" if sent.status >= 300 else "")
            if not problem:
                order = order_id(self.target, sent.body)
                run.recorder.order_created(order, amount, _CURRENCY)
            sent.tell("create order", problem and f"no order was created: {problem}")
        finally:
            if order is None:
                run.budget.give_back()
        return order

    def perform(
        self,
        action: Action,
        order: str,
        *,
        args: Mapping[str, Any] | None = None,
        key: str | None = None,
        attempt: str | None = None,
    ) -> Completed:
        """Send one operation, wait for its answer and record both.

        Clean rejections are what a service under contention should answer, so Locust's own
        statistics count them as successes, under a name of their own.
        """
        recorder = self.run_.recorder
        request = request_for(self.target, action, order, args or {}, key)
        late, self._late = self._late, 0
        op = recorder.invoked(attempt or self.name, action, order, args or {}, key, late)
        try:
            sent = self._sender.send(request)
        except gevent.GreenletExit:
            recorder.unanswered(op, "the load ended while the client was waiting")
            raise
        if sent.problem:
            done = recorder.unanswered(op, sent.problem)
            sent.tell(action.value, sent.problem)
            return done
        done = recorder.answered(op, action, sent.status, sent.headers, sent.body)
        if done.outcome is Outcome.FAILED:
            sent.tell(action.value, f"answered {done.status}")
        elif done.outcome is Outcome.REJECTED:
            sent.tell(f"{action.value}: {done.code}")
        else:
            sent.tell(action.value)
        return done

    def insist(
        self,
        action: Action,
        order: str,
        *,
        args: Mapping[str, Any] | None = None,
        key: str | None = None,
        attempt: str | None = None,
    ) -> Completed:
        """``perform``, and again as often as the settings say, under one idempotency key.

        Each is an operation of its own in the history. Without retries no key is made up.
        """
        said = self.run_.settings.retries
        retries = self.retries if said is None else said
        if retries and key is None:
            key = self.fresh_key()
        for retry in count(1):
            done = self.perform(action, order, args=args, key=key, attempt=attempt)
            if retry > retries or not worth_another_try(done):
                break
            if not self.run_.rest(delay(retry, self.random)):
                break
        return done

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """Make several calls at the same time; returns their results in the order given."""
        running = [gevent.spawn(call) for call in calls]
        try:
            gevent.joinall(running, raise_error=True)
        finally:
            # When this user is stopped, nothing of it may go on alone.
            gevent.killall(running)
        return [each.value for each in running]
