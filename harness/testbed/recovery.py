"""Recovery, round after round, until one of them changes nothing or the bound on them is met."""

from __future__ import annotations

from paidonce.harness.history import Recorder, Recovered, Recovering
from paidonce.harness.service.recovery import Recovery


async def recover(recovery: Recovery, journal: Recorder, *, sweeps_first: bool = False) -> None:
    """Make rounds of ``recovery``, and record what came of them.

    In each round clients ask again before time passes and sweeps are made, or after it where
    ``sweeps_first`` says so.

    One round more than may change something is made, to see that nothing changes any more. Raises
    ``NotReady`` where what is described cannot be done.
    """
    bounds = recovery.bounds
    await recovery.settle()
    seen = await recovery.state()
    changing: list[str] = []
    for made in range(bounds.rounds + 1):
        journal.record(Recovering(t=journal.now(), round=made + 1))
        if sweeps_first:
            await recovery.sweep()
            await recovery.settle()
            await recovery.ask_again()
        else:
            await recovery.ask_again()
            await recovery.sweep()
        await recovery.settle()
        now = await recovery.state()
        changing = sorted(n for n in {*seen, *now} if seen.get(n) != now.get(n))
        seen = now
        if not changing:
            break
    journal.record(
        Recovered(
            t=journal.now(),
            rounds=made if not changing else bounds.rounds,
            rested=not changing,
            changing=tuple(changing),
            owed=tuple(sorted(recovery.owed)),
            undelivered=tuple(sorted(recovery.undelivered)),
        )
    )
