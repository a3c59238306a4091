"""What searches under failures cost: by attempts, failures and guards.

    python benchmarks/failures.py --guard claim --guard row_lock --attempts 1 --attempts 2
    python benchmarks/failures.py --statements 6 --statements 20 --statements 50

Prints a table of plans and executions for ``two_tabs``, with the processor seconds that all of it
took (the service, the servers and ours), which depend less on what else is running than the seconds
do. One attempt alone is what ``paidonce check`` begins with. With ``--statements`` it is the chatty
shop of the tests, one attempt with so many statements, under a crash at any of them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from paidonce.harness.explore.exploration import Explored, SearchRequest, explore, opened
from paidonce.harness.explore.search import Budget
from paidonce.harness.proof.adversities import Only, crashes
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "explore" / "chatty"))

import chatty_target

STORY = "two_tabs"


async def measured(guard: str, attempts: int, faults: int, seconds: float, lanes: int) -> Explored:
    """Search ``attempts`` under at most ``faults`` failures, for ``seconds`` at most."""
    story = scenario(STORY).with_attempts(max(2, attempts))
    story = story.keeping({one.name for one in story.attempts[:attempts]})
    async with (
        open_stack(Described(TARGET), Choice()) as stack,
        opened(stack, story, guard, lanes) as worlds,
    ):
        request = SearchRequest(
            scenario=story,
            variant=guard,
            faults=faults,
            validation=None,
            budget=Budget(seconds=seconds),
        )
        return await explore(worlds, request)


async def chatty(statements: int, seconds: float) -> Explored:
    """Search one attempt of so many statements under at most one failure."""
    story = chatty_target.story(statements)
    story = story.keeping({story.attempts[0].name})
    async with (
        open_stack(Described(chatty_target.TARGET), Choice()) as stack,
        opened(stack, story, "keyed", 1) as worlds,
    ):
        request = SearchRequest(
            scenario=story,
            variant="keyed",
            faults=1,
            failing=Only(crashes),  # its pool does not mend a connection that is reset
            both_orders=False,
            validation=None,
            budget=Budget(seconds=seconds),
        )
        return await explore(worlds, request)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--guard", action="append", default=[])
    parser.add_argument("--attempts", action="append", type=int, default=[])
    parser.add_argument("--faults", action="append", type=int, default=[])
    parser.add_argument("--statements", action="append", type=int, default=[])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()
    print(
        "| guard | attempts | failures | plans | executions | processor seconds | seconds | ended |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    if options.statements:
        for number in options.statements:
            told(f"chatty shop, {number} statements", 1, 1, chatty(number, options.seconds))
        return
    for guard in options.guard or ["claim"]:
        for attempts in options.attempts or [1, 2]:
            for faults in options.faults or [1]:
                run = measured(guard, attempts, faults, options.seconds, options.jobs)
                told(guard, attempts, faults, run)


def told(name: str, attempts: int, faults: int, run: Coroutine[Any, Any, Explored]) -> None:
    """Make a search, and print its row."""
    began, spent = time.monotonic(), _processor_seconds()
    explored = asyncio.run(run)
    spent = _processor_seconds() - spent
    took, under = time.monotonic() - began, explored.result.failures
    plans = len(under.plans) if under is not None else 0
    executions = explored.result.counts.executions
    executions += under.executions if under is not None else 0
    ended = explored.result.ending.value
    row = (name, attempts, faults, plans, executions, f"{spent:.0f}", f"{took:.0f}", ended)
    print(f"| {' | '.join(map(str, row))} |", flush=True)
    if explored.result.reason:
        print(f"{name}: {explored.result.reason}", file=sys.stderr, flush=True)


def _processor_seconds() -> float:
    """The processor time of this process, and of all that it has started and that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
