"""The shop of ``service`` as a target, the stories told of it, and a bench to explore it on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.explore.exploration import Explored, SearchRequest, explore
from paidonce.harness.history import Action
from paidonce.harness.results.proof import Variant
from paidonce.harness.scenario.model import Attempt, Scenario, Step
from paidonce.harness.scenario.subject import Described
from paidonce.harness.service.description import Route, Target
from paidonce.harness.testbed.stack import Choice, Lane, Stack, open_stack

SERVICE = Path(__file__).with_name("service")
BEHAVIOURS = tuple(sorted(p.stem for p in (SERVICE / "behaviours").glob("[!_]*.py")))
DEADLINE_S = 600

T = TypeVar("T")

TARGET = Target(
    name="hard",
    command=("{python}", str(SERVICE)),
    migrate=("{python}", str(SERVICE), "migrate"),
    environment={
        "DATABASE_URL": "{postgres_url}",
        "STRIPE_API_BASE": "{stripe_url}",
        "STRIPE_API_KEY": "{stripe_key}",
        "BEHAVIOUR": "{variant}",
        "HOST": "{host}",
        "PORT": "{port}",
    },
    reset=(
        "DELETE FROM payments",
        "DELETE FROM receipts",
        "DELETE FROM claims",
        "UPDATE orders SET payment_status = 'unpaid', payment_id = NULL",
    ),
    create_order=Route(
        method="POST", path="/orders", body={"amount": "{amount}", "currency": "{currency}"}
    ),
    read_order=Route(method="GET", path="/orders/{order}"),
    routes={
        Action.PAY: Route(method="POST", path="/orders/{order}/payments", body={}),
        Action.CANCEL: Route(method="POST", path="/orders/{order}/cancel", body={}),
    },
    webhook_path="/none",
    variants=tuple(Variant(name=name, title=name, sound=False) for name in BEHAVIOURS),
)

CHECKERS = ("one-success", "clean-rejections", "one-intent", "one-charge", "ledger-agrees")

TWO_TABS = Scenario(
    name="two_tabs",
    title="Two tabs",
    story="Two clients pay one order.",
    attempts=(
        Attempt("tab 1", (Step(Action.PAY),)),
        Attempt("tab 2", (Step(Action.PAY),)),
    ),
    checkers=(*CHECKERS, "linearizable"),
)

PAY_VS_CANCEL = Scenario(
    name="pay_vs_cancel",
    title="Pay and cancel",
    story="One client pays an order that another one cancels.",
    attempts=(
        Attempt("payer", (Step(Action.PAY),)),
        Attempt("canceller", (Step(Action.CANCEL),)),
    ),
    checkers=(*CHECKERS, "linearizable"),
)


class Lab:
    """One stack for all tests of a session; every test starts the behaviour it is about."""

    def __init__(self, runner: asyncio.Runner, logs: Path) -> None:
        self._runner = runner
        self._logs = logs
        self._exits = AsyncExitStack()
        self._stack: Stack | None = None
        self._lane: Lane | None = None

    def explored(self, behaviour: str, story: Scenario = TWO_TABS, **how: object) -> Explored:
        """What ``explore`` concludes."""
        request = SearchRequest(scenario=story, variant=behaviour, **how)
        return self.on(behaviour, story, lambda worlds: explore([worlds], request))

    def on(
        self, behaviour: str, story: Scenario, work: Callable[[ServiceWorlds], Awaitable[T]]
    ) -> T:
        """Run ``work`` with the service running under control."""

        async def main() -> T:
            async with self._worlds(behaviour, story) as worlds:
                return await work(worlds)

        return self._runner.run(asyncio.wait_for(main(), DEADLINE_S))

    def close(self) -> None:
        self._runner.run(self._exits.aclose())

    @asynccontextmanager
    async def _worlds(self, behaviour: str, story: Scenario) -> AsyncIterator[ServiceWorlds]:
        if self._stack is None or self._lane is None:
            choice = Choice(
                postgres=os.environ[POSTGRES_VARIABLE],
                redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
            )
            self._stack = await self._exits.enter_async_context(
                open_stack(Described(TARGET), choice, logs=self._logs)
            )
            self._lane = await self._stack.lane()
        async with self._stack.bench(self._lane, behaviour, {}, controlled_by=openers()) as bench:
            worlds = ServiceWorlds(story, bench)
            try:
                yield worlds
            finally:
                await worlds.close()


def with_checkers(story: Scenario, *checkers: str) -> Scenario:
    """The same story, judged by these alone."""
    return replace(story, checkers=checkers)
