"""Searches services by the harness: one process that becomes one service after the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from programme import RESET, STATE, Service

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import (
    Explored,
    SearchRequest,
    exit_code,
    explore,
    opened,
)
from paidonce.harness.explore.failure.plans import Chosen
from paidonce.harness.explore.search import Budget
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack

GENERIC = Path(__file__).parent / "generic"
DEADLINE_S = 300.0
DEFAULT = Validation()
"""As ``paidonce explore`` does."""
_TARGET = """
name = "service-{name}"

[[process]]
name = "web"
command = ["{{python}}", "{generic}/service.py"]
ready = "/health"

[process.env]
PORT = "{{port}}"
DATABASE_URL = "{{postgres_url}}"
STRIPE_URL = "{{stripe_url}}"
STRIPE_KEY = "{{stripe_key}}"
REDIS_URL = "{{redis_url}}"
SERVICES = "{folder}"

[database]
schema = ["{generic}/schema.sql"]

[reset]
sql = ["{reset}"]

[[prepare]]
request = "POST /be/{name}"
capture = {{ order = "json:$.id" }}
{attempts}
[success]
status = 200
at_most = 1

[rejection]
status = 409

[observe.charges]
stripe = "charges"
where = {{ status = "succeeded", "metadata.order" = "{{order}}" }}

[observe.effects]
sql = "SELECT count(*) FROM effects WHERE order_id = {{order}}::bigint"

[observe.state]
sql = "{state}"

[[invariants]]
name = "paid once"
check = "{check}"

[taps]
need = ["postgres"]
"""
_ONCE = "charges + effects <= 1"
_HANDED_OUT_ONCE = "charges <= 1 and effects <= 1"
_DELIVERIES = """
[[attempts]]
name = "{name}"
counts = false
[[attempts.steps]]
event = "{event}"
where = {{ "metadata.order" = "{{order}}" }}
request = "POST /do/{path}/{{order}}"
deliveries = {count}
"""
_ATTEMPTS = """
[[attempts]]
name = "{name}"
count = {count}
[[attempts.steps]]
request = "POST /do/{path}/{{order}}"
"""


def write_target(service: Service, name: str, folder: Path) -> Path:
    """Write the service and the target file that searches it; returns the latter's path."""
    clients = service.attempts[: len(service.attempts) - len(service.events)]
    if len(set(clients)) == 1:
        tables = [("tab", len(clients), clients[0])]
    else:
        tables = [(f"client {n}", 1, path) for n, path in enumerate(clients, start=1)]
    attempts = "".join(
        _ATTEMPTS.format(name=title, count=count, path=path) for title, count, path in tables
    )
    attempts += "".join(
        _DELIVERIES.format(name=event, event=event, path=service.attempts[-1], count=count)
        for event, count in Counter(service.events).items()
    )
    (folder / f"{name}.json").write_text(service.text())
    path = folder / f"{name}.toml"
    path.write_text(
        _TARGET.format(
            name=name,
            generic=GENERIC,
            folder=folder,
            reset=RESET,
            attempts=attempts,
            check=_HANDED_OUT_ONCE if service.events else _ONCE,
            state=STATE.replace("%(order)s", "{order}::bigint"),
        )
    )
    return path


@dataclass(frozen=True)
class Found:
    """How a search ended: ``code`` as ``paidonce explore`` would, and what it says."""

    code: int
    reason: str
    executions: int
    seconds: float
    explored: Explored

    @property
    def failing_executions(self) -> int:
        """Those made below plans of failures."""
        under = self.explored.result.failures
        return 0 if under is None else sum(plan.executions for plan in under.plans)


class Searcher:
    """One service process behind taps, which becomes whatever service is searched next."""

    def __init__(self, worlds: ServiceWorlds, folder: Path) -> None:
        self._bench, self._folder = worlds.bench, folder
        self._number = 0
        self._service: Service | None = None
        self._worlds: ServiceWorlds | None = None

    async def search(
        self,
        service: Service,
        search: str,
        budget: Budget,
        validation: Validation | None = DEFAULT,
        failing: Chosen | None = None,
    ) -> Found:
        """Search a service; where ``failing`` says which failures, under one of them at most, and
        every crash where nothing is reduced. Raises ``PaidonceError``."""
        worlds = await self._become(service)
        request = SearchRequest(
            scenario=worlds.scenario,
            variant="default",
            search=search,
            budget=budget,
            watch=0,
            validation=validation,
            faults=0 if failing is None else 1,
            failing=failing,
            every_crash=search == "dfs",
        )
        began = asyncio.get_running_loop().time()
        explored = await asyncio.wait_for(explore([worlds], request), DEADLINE_S)
        seconds = asyncio.get_running_loop().time() - began
        result = explored.result
        return Found(exit_code(result), result.reason, result.counts.explored, seconds, explored)

    async def close(self) -> None:
        if self._worlds is not None:
            await self._worlds.close()
        self._service = self._worlds = None

    async def _become(self, service: Service) -> ServiceWorlds:
        """Worlds of the service: those of the last search where it was the same service's."""
        if self._worlds is not None and self._service == service:
            return self._worlds
        await self.close()
        self._number += 1
        loaded = load_target(write_target(service, f"s{self._number}", self._folder))
        self._bench.subject = TargetSubject(loaded)
        self._service, self._worlds = service, ServiceWorlds(script_of(loaded), self._bench)
        return self._worlds


@asynccontextmanager
async def open_searcher(
    service: Service, folder: Path, postgres: str, redis: str
) -> AsyncIterator[Searcher]:
    """Start the process, as one service to begin with."""
    loaded = load_target(write_target(service, "s0", folder))
    choice = Choice(postgres=postgres, redis=redis)
    async with (
        open_stack(TargetSubject(loaded), choice) as stack,
        opened(stack, script_of(loaded), "default", 1) as worlds,
    ):
        searcher = Searcher(worlds[0], folder)
        try:
            yield searcher
        finally:
            await searcher.close()
