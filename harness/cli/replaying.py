"""``paidonce replay``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.console import Console

from paidonce.harness.cli import options
from paidonce.harness.cli.playable import Playable, of_witness
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import opened_as, play_again
from paidonce.harness.explore.witness.file import Witness, broken_of, read_witness, shows_the_same
from paidonce.harness.process import event_loop as loop
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.harness.verdict import Status


def replay_command(
    path: options.WitnessFile,
    guard: options.OtherVariant = None,
    times: Annotated[int, typer.Option(help="How often.", min=1, max=1000)] = 1,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
    fresh: options.Fresh = False,
) -> int:
    """Replay a witness: the same schedule, step by step.

    Exit code 1 if it shows the same counterexample (every time), 0 if the service no longer
    breaks, 3 if it went another way, and neither broke nor was judged valid.
    """
    witness = read_witness(path)
    playable = of_witness(witness, path, guard)
    choice = options.backends(backends, postgres, redis, stripe)
    return loop.run(_replay(witness, playable, times, choice, fresh))


@asynccontextmanager
async def opened_again(
    witness: Witness, playable: Playable, choice: Choice, *, fresh: bool = False
) -> AsyncIterator[ServiceWorlds]:
    """The service as the search had it that made ``witness``, which says what it knew of it.

    Its database is one that is kept, where there is one; ``fresh`` has it migrated again.
    """
    kept = playable.kept(choice, fresh=fresh)
    async with (
        open_stack(playable.subject, choice, kept=kept, say=_say) as stack,
        opened_as(witness, stack, playable.script, playable.variant) as worlds,
    ):
        yield worlds


def _say(line: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(line, markup=False)


async def _replay(
    witness: Witness, playable: Playable, times: int, choice: Choice, fresh: bool
) -> int:
    console = Console(highlight=False, soft_wrap=True)
    for line in witness.changed:
        console.print(line, markup=False)
    same = 0
    codes: list[int] = []
    async with opened_again(witness, playable, choice, fresh=fresh) as worlds:
        for number in range(1, times + 1):
            steps = tuple(step.expected() for step in witness.steps)
            replayed, judged = await play_again(worlds, steps)
            if replayed.divergence is not None or judged is None:
                console.print(f"{number}: went another way at {replayed.divergence}", markup=False)
                codes.append(Status.UNKNOWN.exit_code)
                continue
            assert worlds.last is not None
            broken = broken_of(judged.verdicts, worlds.last.reader.names)
            same += shows_the_same(broken, witness.broken)
            codes.append(judged.came.status.exit_code)
            if number == 1:
                for found in broken:
                    console.print(f"  {found.words}", markup=False)
    console.print(f"{same} of {times} replays showed what the witness shows")
    return max(codes, key=[0, 3, 1].index)
