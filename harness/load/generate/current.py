"""The run that is going on in this Locust process, and what its users have in common.

Only for a Locust process: users wait on gevent's events.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import gevent
import gevent.event

from paidonce.harness.load.generate.orders import HotPlaces, OrderBudget
from paidonce.harness.load.plan.contention import Contention
from paidonce.harness.load.plan.settings import LoadSettings
from paidonce.harness.load.record.recorder import Recorder
from paidonce.harness.service.description import Target

_HOT_LIFETIME = 3.0


class WhenIdle:
    """Calls something before this process next waits: once nobody has anything to do."""

    def __init__(self) -> None:
        # An idle watcher is called where the loop would otherwise wait (libev's manual,
        # ``ev_idle``); the loop does not go on for its sake (``ref``).
        self._watcher = gevent.get_hub().loop.idle(ref=False)

    def __call__(self, call: Callable[[], None]) -> None:
        self._watcher.start(self._run, call)

    def _run(self, call: Callable[[], None]) -> None:
        self._watcher.stop()
        call()


class LoadRun:
    """The things that all users of one run have in common, in this process."""

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
        self.stopping = gevent.event.Event()
        self._places: dict[Contention, HotPlaces] = {}
        self._numbers = count(1)

    def places(self, contention: Contention) -> HotPlaces:
        """The places that all users of this process with this contention have in common."""
        if contention not in self._places:
            self._places[contention] = HotPlaces(contention, _HOT_LIFETIME)
        return self._places[contention]

    def rest(self, seconds: float) -> bool:
        """Let time pass; False as soon as the load is to stop."""
        if seconds <= 0:
            return not self.stopping.is_set()
        return not self.stopping.wait(seconds)

    def next_user(self) -> str:
        """The name of one more user, unique over all processes of a run."""
        number = next(self._numbers)
        return f"user {number}" if self.worker == 0 else f"user {self.worker}.{number}"


_current: LoadRun | None = None


def set_run(run: LoadRun | None) -> None:
    """Say which run the users that start from now on belong to."""
    global _current
    _current = run


def current_run() -> LoadRun | None:
    """The run that is going on in this process."""
    return _current
