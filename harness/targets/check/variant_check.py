"""The check of one variant: tried out, explored, played in bursts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.explore.exploration import SearchRequest, explore, opened, save
from paidonce.harness.explore.search import Budget, Ending, Progress
from paidonce.harness.explore.search.recorded_order import statements
from paidonce.harness.predict import (
    Forecast,
    decided,
    orders_of,
    predicted,
    weighed,
)
from paidonce.harness.proof.cell_search import WITNESSES, searched
from paidonce.harness.proof.plan import HISTORIES
from paidonce.harness.results.proof import Cell, Run, Variant
from paidonce.harness.results.searched import AloneUnderFailures, How, Searched
from paidonce.harness.targets.check.alone import alone_under_failures, tried_alone
from paidonce.harness.targets.check.bursts import burst, crowd, orders_of_the_broken
from paidonce.harness.targets.check.checked import Checked
from paidonce.harness.targets.check.smoke import smoke
from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.run.search_request import request_for
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Lane, Stack
from paidonce.harness.verdict import Status

_EXPLORING = 0.8
"""Of a variant's time; what is left is for bursts."""
_ALONE, _ALONE_AT_MOST_S = 0.5, 30.0
"""Of what is left after a search, and in seconds, what trying one attempt alone may take."""
_BURSTS = 20
_BURSTS_OF_THE_CAUGHT = 3
LEAST_S = 1.0
_FOLLOWING_S = 10.0
"""The least time for following the bursts that broke, in seconds."""


def _withdrawn(search: Searched, broke: int, bursts: int) -> Searched:
    """Return ``search`` with nothing claimed of it: what it did not show was seen to happen."""
    if search.how is not How.COMPLETE:
        return search
    return msgspec.structs.replace(
        search,
        how=How.INCOMPLETE,
        reason=f"the search came to its end without a counterexample, but {broke} of {bursts} "
        "bursts broke: something makes a difference that no tap showed",
    )


def _in_short(search: Searched) -> str:
    match search.how:
        case How.COMPLETE:
            return f"complete, nothing found ({search.seconds:.0f} s); bursts follow"
        case How.COUNTEREXAMPLE:
            return (
                f"counterexample in execution {search.execution} ({search.seconds:.0f} s); "
                "bursts follow"
            )
        case _:
            return "the search is not complete; bursts follow"


def unfinished_beside(file: TargetFile) -> tuple[str, ...]:
    """Return a note where a process besides the service may not have done its work when a burst was
    judged, since the file does not say when it has."""
    if len(file.process) < 2 or file.rest.sql:
        return ()
    names = ", ".join(process.name for process in file.process[1:])
    return (
        f"the file has a process besides the service ({names}), and does not say when that has "
        "done its work: what it does later than the answers may have been looked at too early. Say "
        "under [rest] which query gives nothing once all is done",
    )


class VariantCheck:
    """One variant of a plan, and the time it has."""

    def __init__(
        self,
        stack: Stack,
        lanes: list[Lane],
        checked: Checked,
        variant: Variant,
        seconds: float,
    ) -> None:
        self._stack = stack
        self._lanes = lanes
        self._checked = checked
        self._plan = checked.plan
        self._name = variant.name
        sound = variant.sound or checked.plan.expect_sound
        self._expected = Status.VALID if sound else Status.INVALID
        self._seconds = seconds
        self._began = time.monotonic()
        self._notes: list[str] = []
        self._alone: list[AloneUnderFailures] = []

    async def check(self) -> None:
        """Try it out, explore it, play it in bursts. Raises ``PaidonceError``."""
        search = await self._explored()
        if search is None:
            return
        self._file(search=search)
        self._checked.tell(f"{self._name}: {_in_short(search)}")
        caught = search.how is How.COUNTEREXAMPLE
        runs = await self._bursts(_BURSTS_OF_THE_CAUGHT if caught else _BURSTS)
        broke = sum(run.status is Status.INVALID for run in runs)
        if broke and not caught:
            self._notes += unfinished_beside(self._plan.script.loaded.file)
            self._file(search=_withdrawn(search, broke, len(runs)), runs=runs)
            search = await self._from_bursts(search, runs)
        self._file(search=search, runs=runs)

    def fails(self, error: str, *, usable: bool = False) -> None:
        """Note why the variant could not be gone on with."""
        if not usable:
            self._checked.unusable.add(self._name)
        known = self._checked.cells.get(self._name)
        self._file(search=known.search if known else None, error=error)

    # --- the parts ---------------------------------------------------------------------------

    async def _explored(self) -> Searched | None:
        """Search, and return the results; None where the smoke run was enough."""
        plan, file = self._plan, self._plan.script.loaded.file
        self._doing("starting")
        async with opened(
            self._stack, plan.script, self._name, lanes=self._lanes, noise=file.explore.noise
        ) as worlds:
            self._met(worlds[0].bench)
            self._notes += self._stack.templates.notes(self._name)
            self._doing("one attempt alone")
            if file.explore.watch_s:
                await worlds[0].watch(file.explore.watch_s)
            tried = await smoke(worlds[0], plan.script)
            self._notes += tried.notes
            if tried.problems:
                self.fails("; ".join(tried.problems))
                return None
            expected = await self._predicted(worlds[0])
            request = replace(
                request_for(plan.script, self._name),
                first=() if expected is None else orders_of(expected),
                budget=Budget(
                    seconds=max(self._left * _EXPLORING, LEAST_S),
                    source=f"of {plan.seconds:g} s {plan.bound_by}",
                ),
                seed=plan.seed,
                lanes=len(worlds),
                validation=plan.validation,
                faults=plan.faults or 0,
            )
            explored = await explore(worlds, request, self._progress)
            if plan.faults is None and explored.result.ending is Ending.COMPLETE:
                await self._tried_alone(worlds, request)
            if expected is not None:
                matters = await weighed(worlds[0], expected, explored)
                settled = decided(expected, explored.result, explored.history, matters)
                self._checked.predictions[self._name] = settled
                self._checked.looked[self._name] = expected.looked
        self._notes += explored.notes
        witness = save(explored, plan.out / WITNESSES)
        return searched(explored, witness, plan.out)

    async def _tried_alone(
        self, worlds: Sequence[ServiceWorlds], searched_by: SearchRequest
    ) -> None:
        """Try one attempt of each kind alone under a failure, each for a part of the time left."""
        plan = self._plan
        kinds = alone_under_failures(plan.script)
        for number, attempt in enumerate(kinds):
            self._doing(f"{attempt.name} alone, under failures")
            seconds = min(self._left * _ALONE / (len(kinds) - number), _ALONE_AT_MOST_S)
            if seconds < LEAST_S:
                return
            tried = await tried_alone(worlds, plan.script, attempt, searched_by, seconds, plan.out)
            if tried is not None:
                self._alone.append(tried)

    async def _from_bursts(self, search: Searched, runs: tuple[Run, ...]) -> Searched:
        """Search for what bursts have shown and a search has not, in their recorded order first.

        Something makes a difference that was not seen: so nothing is left out as the same in
        another order, and what commits by itself does so in a step of its own.
        """
        plan, file = self._plan, self._plan.script.loaded.file
        broke = sum(run.status is Status.INVALID for run in runs)
        orders = orders_of_the_broken(runs, plan.out)
        self._doing("following the bursts that broke")
        try:
            async with opened(
                self._stack,
                plan.script,
                self._name,
                lanes=self._lanes,
                noise=file.explore.noise,
                mode=Mode(apart=frozenset(statements(orders))),
            ) as worlds:
                request = replace(
                    request_for(plan.script, self._name),
                    first=orders,
                    memory=True,
                    budget=Budget(seconds=max(self._left, _FOLLOWING_S)),
                    seed=plan.seed,
                    lanes=len(worlds),
                    validation=None,
                )
                explored = await explore(worlds, request, self._progress)
        except PaidonceError as error:
            self._notes.append(f"the bursts that broke could not be followed: {error}")
            return _withdrawn(search, broke, len(runs))
        if explored.witness is None:
            return _withdrawn(search, broke, len(runs))
        self._notes.append(
            f"{broke} of {len(runs)} bursts broke, which the search had not shown; their recorded "
            "order led to the counterexample"
        )
        return searched(explored, save(explored, plan.out / WITNESSES), plan.out)

    async def _predicted(self, worlds: ServiceWorlds) -> Forecast | None:
        """Return the bad orders that the attempts could come in, None where that could not be told;
        the service was watched and tried out before."""
        self._doing("predicting from each attempt alone")
        try:
            return await predicted(worlds, watch=0.0, orm=self._plan.script.loaded.file.orm)
        except PaidonceError as error:
            self._notes.append(f"nothing is predicted: {error}")
            return None

    async def _bursts(self, most: int) -> tuple[Run, ...]:
        plan = self._plan
        runs_already = plan.script.loaded.file.service is not None  # its Postgres is behind the tap
        runs: list[Run] = []
        self._doing("bursts", of="bursts")
        async with self._stack.bench(
            self._lanes[0], self._name, {}, controlled_by=openers() if runs_already else ()
        ) as bench:
            self._met(bench)
            async with crowd(bench, plan.script) as clients_of_all:
                while len(runs) < most and (self._left > 0 or not runs):
                    name = f"{HISTORIES}/{self._name}/burst-{len(runs) + 1}.jsonl"
                    runs.append(await burst(bench, clients_of_all, plan.script, plan.out, name))
                    self._doing(f"burst {len(runs)} of {most}", of="bursts")
        return tuple(runs)

    # --- helpers ---------------------------------------------------------------------------------

    @property
    def _left(self) -> float:
        return self._began + self._seconds - time.monotonic()

    def _file(
        self,
        search: Searched | None = None,
        runs: tuple[Run, ...] = (),
        error: str | None = None,
    ) -> None:
        self._checked.notes[self._name] = tuple(dict.fromkeys(self._notes))
        self._checked.cells[self._name] = Cell(
            variant=self._name,
            scenario=self._plan.script.name,
            expected=self._expected,
            runs=runs,
            error=error,
            search=search,
            notes=self._checked.notes[self._name],
            alone=tuple(self._alone),
        )

    def _met(self, bench: Bench) -> None:
        for role, backend in bench.backends.items():
            self._checked.backends[role] = f"{backend.kind} {backend.version}".strip()

    def _doing(self, text: str, *, of: str | None = None) -> None:
        stage = None if of is None else f"{self._name}: {of}"
        self._checked.doing(f"{self._name}: {text}", of=stage)

    def _progress(self, progress: Progress) -> None:
        counts = progress.counts
        self._doing(
            f"explored {counts.explored}, pruned {counts.pruned}, invalid {counts.invalid}, "
            f"{progress.rate:.0f}/s, {progress.waiting} known to be left",
            of="exploring",
        )
