"""The kill of a process under control, and an execution that is left meanwhile."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.killing import Killing
from paidonce.harness.taps.faults import Crash

DEADLINE_S = 30


class Restarting:
    """A process that takes as long to come back as it is not ``there``."""

    def __init__(self):
        self.killed, self.there, self.left = asyncio.Event(), asyncio.Event(), False

    def sessions(self, crash):
        return ()

    async def happen(self, crash):
        self.killed.set()
        try:
            await self.there.wait()
        except asyncio.CancelledError:
            self.left = True
            raise


def players():
    mover, other = Player("one"), Player("two")
    mover.at = other.at = At.MOVING
    return mover, other


def test_an_execution_that_is_left_waits_for_no_process():
    async def main():
        restarting = Restarting()
        killing, (mover, other) = Killing(restarting), players()
        happening = asyncio.ensure_future(
            killing.happen(Crash("web"), [mover, other], mover, set())
        )
        await restarting.killed.wait()
        assert killing.restarting
        await asyncio.wait_for(killing.call_off(), DEADLINE_S)
        await asyncio.wait_for(happening, DEADLINE_S)
        assert restarting.left
        assert not killing.restarting
        assert killing.broken == "the execution was left while the service started again"
        assert other.at is At.LOST

    asyncio.run(main())


def test_nothing_is_called_off_once_a_process_is_back():
    async def main():
        restarting = Restarting()
        restarting.there.set()
        killing, (mover, other) = Killing(restarting), players()
        await killing.happen(Crash("web"), [mover, other], mover, set())
        await killing.call_off()
        assert not restarting.left
        assert killing.broken == ""

    asyncio.run(main())


def test_what_does_not_come_back_is_told():
    class Gone(Restarting):
        async def happen(self, crash):
            raise PaidonceError("it ended (exit code 1)")

    async def main():
        killing, (mover, other) = Killing(Gone()), players()
        await killing.happen(Crash("web"), [mover, other], mover, set())
        assert killing.broken.endswith("after a crash: it ended (exit code 1)")

    asyncio.run(main())


def unit(*, hung_up):
    return Arrival(SimpleNamespace(tap="postgres", label="UPDATE"), "s", hung_up=lambda: hung_up)


def test_of_several_processes_only_what_is_in_the_killed_one_is_lost():
    async def main():
        restarting = Restarting()
        restarting.there.set()
        killing = Killing(restarting, several=True)
        mover, web, worker = Player("mover"), Player("web"), Player("worker")
        mover.at, web.at, worker.at = At.TAP, At.TAP, At.TAP
        mover.held = [unit(hung_up=False)]  # the worker went on with what it was told
        mover.flying = [unit(hung_up=True)]
        web.held, worker.held = [unit(hung_up=True)], [unit(hung_up=False)]
        await killing.happen(Crash("web"), [mover, web, worker], mover, set())
        assert (mover.at, len(mover.held)) == (At.TAP, 1)
        assert (web.at, web.held) == (At.LOST, [])
        assert (worker.at, len(worker.held)) == (At.TAP, 1)

    asyncio.run(main())


def test_a_process_that_is_killed_has_nothing_left_at_the_taps():
    async def main():
        restarting = Restarting()
        restarting.there.set()
        killing = Killing(restarting)
        mover, other = players()
        other.at, other.held = At.TAP, [unit(hung_up=True)]
        await killing.happen(Crash("web"), [mover, other], mover, set())
        assert (other.at, other.held) == (At.LOST, [])

    asyncio.run(main())
