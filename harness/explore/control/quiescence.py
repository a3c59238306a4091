"""Quiet: how long nothing has happened, and whether the service is really through with its work."""

from __future__ import annotations

import asyncio
import time

from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.interfaces import Activity

_LOOKS = 10
"""How often we have to look, and see nothing, before that is a silence."""
_LOOKS_AFTER_A_STEP = 4
_GLANCE_S = 0.0002
_GLANCE_AT_MOST_S = 0.001
"""To look whether the service is at work reads files of the system: less often as it takes long."""
_AWAKE_S = 0.03
"""We look more often than that while we are awake."""
_TURNS = 6
"""Of the event loop, from bytes in a socket's buffer to a unit at the gate."""


class Quiescence:
    """Signs of life of one execution.

    ``changed`` becomes true whenever anything happens; whoever waits for it makes it false first.
    """

    def __init__(self, activity: Activity, patience: Patience) -> None:
        self._activity = activity
        self._patience = patience
        self._silence = 0.0
        self._heard = 0.0
        self._looks = 0
        self.changed = False
        self._waiting: asyncio.Future[None] | None = None
        self._until = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        """Goes off when the wait is over that is under way, or before. One for many waits: to set
        one takes longer than most waits last."""

    def change(self) -> None:
        """Something happened by which all may be at rest: whoever waits looks again at once."""
        self.stir()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def stir(self) -> None:
        """A sign of life, and no more: it ends a silence, and wakes nobody."""
        self._silence = 0.0
        self._heard = time.monotonic()
        self._looks = 0
        self.changed = True

    async def change_within(self, seconds: float) -> bool:
        """Wait for a change for so long at most; whether anything happened since ``changed`` was
        made false."""
        if self.changed:
            return True
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        self._until = until = loop.time() + seconds
        if self._alarm is None or self._alarm.when() > until:
            self._set_alarm(loop, until)
        try:
            await waiting
        finally:
            self._waiting = None
        return self.changed

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = loop.call_at(at, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake who waits if the time has come; most waits are over long before."""
        self._alarm = None
        if self._waiting is None or self._waiting.done():
            return
        if loop.time() < self._until:
            self._set_alarm(loop, self._until)
        else:
            self._waiting.set_result(None)

    def looked(self) -> None:
        """We were awake, and nothing had happened."""
        self._looks += 1

    @property
    def silence(self) -> float:
        """Seconds since anything happened, as far as we were awake.

        On a machine that stalls we see late what happened meanwhile: a long time between two
        looks counts as a short one.
        """
        now = time.monotonic()
        self._silence += min(now - self._heard, _AWAKE_S)
        self._heard = now
        return self._silence

    async def still(self) -> bool:
        """No sign of life for long enough, neither at a tap nor of the service's processor.

        The processor is asked about only after a silence, and has to be idle over another one.
        Time in which we ourselves were not awake is no silence.
        """
        if self.silence < self._patience.inside or self._looks < _LOOKS:
            return False
        if not self._activity.idle():
            self.change()
            return False
        return await self._nothing_under_way()

    async def nobody_woken(self) -> bool:
        """No other process of the service was woken by a step.

        One that was runs soon, or is listed as runnable: a shorter silence tells.
        """
        if self.silence < self._patience.handover or self._looks < _LOOKS_AFTER_A_STEP:
            return False
        return not self._activity.at_work() and await self._nothing_under_way()

    async def finished(self) -> bool:
        """Return whether the service has nothing left to do: none of it runs now, and nothing that
        it sent is on its way to us. A timer of its own goes unnoticed."""
        glance = _GLANCE_S
        while self._activity.at_work() and self.silence < self._patience.tail:
            await asyncio.sleep(glance)
            if self.changed:
                return False
            glance = min(glance * 2, _GLANCE_AT_MOST_S)
        return await self._nothing_under_way()

    async def _nothing_under_way(self) -> bool:
        """Return whether nothing that was sent has yet to reach us."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        return not self.changed
