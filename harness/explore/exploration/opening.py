"""Services under control, opened for a search or to make a counterexample again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.explore.witness.file import Witness
from paidonce.harness.process.together import together
from paidonce.harness.service.script import Script
from paidonce.harness.taps.changes import Change
from paidonce.harness.testbed.stack import Lane, Stack


@asynccontextmanager
async def opened(
    stack: Stack,
    scenario: Script,
    variant: str,
    lanes: int | Sequence[Lane] = 1,
    noise: tuple[str, ...] = (),
    patience: Patience | None = None,
    learnt: Collection[str] = (),
    mode: Mode | None = None,
    changes: Collection[Change] = (),
) -> AsyncIterator[list[ServiceWorlds]]:
    """Open worlds on up to ``lanes`` services side by side, or on these lanes.

    ``noise`` and ``learnt`` are what a service is known to send by itself, ``mode`` what executions
    of it are known to need, ``changes`` those that the taps make.
    """
    known = mode or Mode()
    settings = dict(scenario.settings)
    async with AsyncExitStack() as exits:
        if isinstance(lanes, int):
            lanes = [await stack.lane() for _ in range(stack.choice.lanes(lanes))]

        async def open_one(lane: Lane) -> ServiceWorlds:
            bench = await exits.enter_async_context(
                stack.bench(lane, variant, settings, controlled_by=openers(), changes=changes)
            )
            remembers = known.late_answers or bench.subject.keeps_state_unseen
            made = ServiceWorlds(
                scenario,
                bench,
                patience or Patience(),
                background=Background(noise, learnt=set(learnt)),
                mode=replace(known, shared_memory=remembers, late_answers=remembers),
            )
            exits.push_async_callback(made.close)
            return made

        yield await together(*(open_one(lane) for lane in lanes))


@asynccontextmanager
async def opened_as(
    witness: Witness, stack: Stack, scenario: Script, variant: str
) -> AsyncIterator[ServiceWorlds]:
    """Open one service as the search had it that made ``witness``; it says what that knew of it."""
    async with opened(
        stack,
        scenario,
        variant,
        noise=witness.noise,
        learnt=witness.learnt,
        mode=Mode(
            late_answers=witness.late_answers,
            sweeps_first=witness.sweeps_first,
            apart=frozenset(witness.apart),
            split=frozenset(witness.split),
            endless=frozenset(witness.endless),
            each_try=frozenset(witness.each_try),
            lapse=witness.lapse,
            put_back=bool(witness.lapse and witness.lapse.sql),
            failures=frozenset(witness.failures),
        ),
        changes=witness.changes,
    ) as worlds:
        yield worlds[0]
