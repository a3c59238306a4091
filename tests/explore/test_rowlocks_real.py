"""The model of row locks agrees with a real server, step by step."""

from __future__ import annotations

import asyncio
import random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from programs import programs
from real_rowlocks import Server, server
from rowlocks import RowLocks
from rowprograms import Program

ACTORS = ("a", "b", "c")


async def _compare(real: Server, program: Program, chooser: random.Random) -> None:
    """Make the steps the chooser chooses in both, comparing who waits for whom after each."""
    model = RowLocks(program)
    await real.reset(program)
    made: list[str] = []
    try:
        for actor in program.actors:
            real.send(actor, model.sent(actor))
            assert await real.blocked() == {}
        while enabled := model.pending():
            chosen = chooser.choice(enabled)
            model.advance(chosen.actor)
            made.append(f"{chosen.actor}: {chosen.label}")
            if model.queued > 1:
                return  # who is served first is up to chance on a real server
            real.send(chosen.actor, model.sent(chosen.actor))
            await real.blocked()
            for name in program.actors:  # those who were woken may have had more to send
                real.send(name, model.sent(name))
            found = await real.blocked()
            expected = {name: model.blockers(name) for name in model.blocked}
            assert found == expected, "\n".join(made)
        assert await real.outcome() == model.outcome(), "\n".join(made)
    finally:
        await real.end()


def test_the_model_agrees_with_a_real_server(explore_url: str) -> None:
    with asyncio.Runner() as runner:

        async def all_of_them() -> None:
            async with server(explore_url, ACTORS) as real:
                await asyncio.to_thread(_many, real, asyncio.get_running_loop())

        runner.run(all_of_them())


def _many(real: Server, loop: asyncio.AbstractEventLoop) -> None:
    @seed(20)
    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(program=programs(), choices=st.integers(0, 2**32))
    def agrees(program: Program, choices: int) -> None:
        compared = _compare(real, program, random.Random(choices))
        asyncio.run_coroutine_threadsafe(compared, loop).result()

    agrees()
