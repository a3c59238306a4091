"""A user of Locust who sends operations to a target and has each of them recorded.

Only for a Locust process: importing this replaces Python's blocking calls with gevent's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, TypeVar

import gevent
import geventhttpclient.client
from locust import FastHttpUser
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from harness.answers import order_id
from harness.history import Action, Completed, Outcome
from harness.load.arrivals import Arrivals
from harness.load.orders import HotPlace, OrderBudget
from harness.load.recorder import Recorder
from harness.load.settings import LoadSettings
from harness.target import Request, Target, creation_request, request_for

T = TypeVar("T")

# The HTTP client sends a GET, PUT or DELETE again by itself when a connection breaks. Here each
# request is one operation in a history, and one recorded operation must be one request.
geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()

_EVERY_STATUS = frozenset(range(100, 600))
_CURRENCY = "usd"
_LEAST_AMOUNT, _HIGHEST_AMOUNT = 500, 20_000
_HOT_LIFETIME = 3.0


class Run:
    """What the users of one run, in this process, have in common."""

    def __init__(
        self,
        settings: LoadSettings,
        target: Target,
        recorder: Recorder,
        worker: int,
        used_up: Callable[[], None],
    ) -> None:
        self.settings = settings
        self.target = target
        self.recorder = recorder
        self.worker = worker
        self.budget = OrderBudget(settings.max_orders, used_up)
        self.hot = tuple(HotPlace(_HOT_LIFETIME) for _ in range(settings.hot_orders))
        self._numbers = count(1)

    def next_user(self) -> str:
        """The name of one more user, unique over all processes of a run."""
        number = next(self._numbers)
        return f"user {number}" if self.worker == 0 else f"user {self.worker}.{number}"


_current: Run | None = None


def set_run(run: Run | None) -> None:
    """Say which run the users that start from now on belong to."""
    global _current
    _current = run


def current_run() -> Run | None:
    """The run that is going on in this process."""
    return _current


class RecordedUser(FastHttpUser):
    """A client whose every operation becomes an invocation and a completion in the history."""

    abstract = True
    # A redirect followed by itself would be a second request within one operation.
    max_redirects = 0

    def __init__(self, environment: Environment) -> None:
        run = current_run()
        if run is not None:
            self.network_timeout = run.settings.patience
            self.connection_timeout = run.settings.patience
        super().__init__(environment)
        # Every answer is an answer here; what it means is not for the HTTP client to say.
        self.client.client.valid_response_codes = _EVERY_STATUS  # type: ignore[misc]
        self._run = run
        self.name = "" if run is None else run.next_user()
        seed = None if run is None else f"{run.settings.seed} {self.name}"
        self.random = random.Random(seed)
        self._keys = count(1)
        self._late = 0
        self._arrivals: Arrivals | None = None
        if run is not None and run.settings.rate:
            self._arrivals = Arrivals(
                run.settings.plan.users / run.settings.rate,
                poisson=run.settings.poisson,
                chance=random.Random(f"{seed} arrivals"),
                start=time.monotonic(),
            )

    def on_start(self) -> None:
        """A user without a run (its start was refused) has nothing to do."""
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
        """The pause between two tasks, in seconds; in an open loop a task waits for its turn."""
        return 0.0 if self._arrivals is not None else self.run_.settings.think

    def await_turn(self) -> None:
        """In an open loop, wait for the moment to come; what is late is said to be so."""
        if self._arrivals is None:
            return
        due = self._arrivals.next()
        early = due - time.monotonic()
        if early > 0:
            gevent.sleep(early)
        self._late = max(0, round((time.monotonic() - due) * 1e9))

    @property
    def run_(self) -> Run:
        assert self._run is not None, "on_start lets no user without a run begin"
        return self._run

    @property
    def target(self) -> Target:
        return self.run_.target

    def can(self, action: Action) -> bool:
        """Whether the target offers ``action``."""
        return action is Action.READ or action in self.target.routes

    def fresh_key(self) -> str:
        """A new idempotency key, unique in the run."""
        return f"{self.run_.settings.run}/{self.name}/{next(self._keys)}".replace(" ", "-")

    def pause(self) -> None:
        """Think, between two requests of one task."""
        gevent.sleep(self.run_.settings.think)

    def create_order(self) -> str | None:
        """Create an order of some amount and record it; None if there is none to be had."""
        run = self.run_
        if not run.budget.take():
            # Wait for the end of the run, of which everybody has been told.
            gevent.sleep(max(run.settings.think, 0.05))
            return None
        amount = self.random.randrange(_LEAST_AMOUNT, _HIGHEST_AMOUNT)
        order = None
        try:
            request = creation_request(self.target, amount, _CURRENCY)
            with self._send(request, "create order") as response:
                if response.request_meta["exception"] is not None or response.status_code >= 300:
                    response.failure(f"no order was created: {_problem(response)}")
                else:
                    order = order_id(self.target, response.content or b"")
                    run.recorder.order_created(order, amount, _CURRENCY)
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
            with self._send(request, action.value) as response:
                if response.request_meta["exception"] is not None:
                    problem = _problem(response)
                    response.failure(problem)
                    return recorder.unanswered(op, problem)
                headers = {name.lower(): value for name, value in response.headers.items()}
                body = response.content or b""
                done = recorder.answered(op, action, response.status_code, headers, body)
                if done.outcome is Outcome.FAILED:
                    response.failure(f"answered {done.status}")
                else:
                    if done.outcome is Outcome.REJECTED:
                        response.request_meta["name"] = f"{action.value}: {done.code}"
                    response.success()
                return done
        except gevent.GreenletExit:
            recorder.unanswered(op, "the load ended while the client was waiting")
            raise

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """Make several calls at the same time; returns their results in the order given."""
        running = [gevent.spawn(call) for call in calls]
        try:
            gevent.joinall(running, raise_error=True)
        finally:
            # When this user is stopped, nothing of it may go on alone.
            gevent.killall(running)
        return [each.value for each in running]

    def _send(self, request: Request, name: str) -> Any:
        return self.client.request(
            request.method,
            request.path,
            name=name,
            data=request.body.decode(),
            headers={**request.headers, "Accept-Encoding": "identity"},
            catch_response=True,
        )


def _problem(response: Any) -> str:
    error = response.request_meta["exception"]
    if error is not None:
        return f"{type(error).__name__}: {error}"
    return f"status {response.status_code}"
