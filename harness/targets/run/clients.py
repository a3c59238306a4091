"""The clients of a target file: they bring a service to the beginning of its attempts."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import target_checkers
from paidonce.harness.checkers.expressions import parse
from paidonce.harness.errors import DeadlineExceeded, UsageError
from paidonce.harness.history import Header, Recorder
from paidonce.harness.http.client import NoAnswer, Wire
from paidonce.harness.http.excerpt import said, wrote
from paidonce.harness.service.script import NotAtRest, NotReady, Script
from paidonce.harness.targets.file.captures import NothingThere, parse_capture
from paidonce.harness.targets.file.format import PrepareTable, ResetTable
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.run import launch as starting
from paidonce.harness.targets.run.answers import leads_on
from paidonce.harness.targets.run.events import Events, not_raised
from paidonce.harness.targets.run.kept_pages import keep_page
from paidonce.harness.targets.run.observing import Observer
from paidonce.harness.targets.run.performance import TargetPerformance
from paidonce.harness.targets.run.requests import request_of, values_of
from paidonce.harness.targets.run.resetting import Mark, Snapshot, run_statements
from paidonce.harness.targets.run.scope import Scope
from paidonce.harness.targets.run.script import TargetAttempt, TargetScript
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.passing import Clockwork

USER = "client"
_COMMAND_DEADLINE_S = 60.0


@dataclass
class TargetClients:
    """``Clients`` (see ``paidonce.harness.service.script``) of a target file on one bench."""

    bench: Bench
    loaded: Loaded
    on_prepare: Callable[[], None] | None = None
    put_back: bool = False
    _service: Scope | None = None
    """The scope that the steps done once per service left behind."""
    _kept: bool = False
    """True if Stripe keeps what they made there."""
    _snapshot: Snapshot | None = None
    _mark: Mark | None = None
    _observer: Observer | None = None
    _last: TargetPerformance | None = None
    _wires: dict[str, Wire] = field(default_factory=dict)
    _clockwork: Clockwork = field(init=False)
    _runs: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self._clockwork = Clockwork(self.bench)

    def header(self, script: Script, run: str, seed: int = 0) -> Header:
        """The header of a history of the target's attempts."""
        assert isinstance(script, TargetScript)
        return Header(
            run=run,
            scenario=script.name,
            target=self.loaded.file.name,
            variant=self.bench.variant,
            backends=self.bench.backends,
            capabilities=tuple(sorted(self.bench.capabilities | {Capability.STRIPE_CALLS})),
            checkers=target_checkers(),
            seed=seed,
            started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            rules=script.rules(),
        )

    async def begin(self, script: Script, journal: Recorder) -> TargetPerformance:
        """Reset, prepare, and look up what is to be known beforehand.

        Raises ``NotReady`` where a step is not answered as expected, ``UsageError`` where the
        file says something that the database does not accept.
        """
        assert isinstance(script, TargetScript)
        observer = await self._reset()
        if self.on_prepare is not None:
            self.on_prepare()
        performance = await self._performance(script, journal, observer, self._wires)
        self._last = performance
        earlier = {n for i in self.loaded.file.invariants for n in parse(i.condition).before}
        await performance.observe(sorted(earlier), before=True)
        return performance

    async def beside(
        self, script: TargetScript, journal: Recorder, wires: dict[str, Wire]
    ) -> TargetPerformance:
        """Prepare one more execution beside those that are under way: nothing is reset, and it has
        connections of its own. Once ``begin`` was called; raises the same."""
        assert self._observer is not None, "somebody has begun"
        return await self._performance(script, journal, self._observer, wires)

    async def _performance(
        self,
        script: TargetScript,
        journal: Recorder,
        observer: Observer,
        wires: dict[str, Wire],
    ) -> TargetPerformance:
        assert self._service is not None
        shared = self._service.copy()
        shared.values["run"] = f"{uuid.uuid4().hex[:8]}-{next(self._runs)}"
        await self._prepare(shared, "run")
        own: dict[str, Scope] = {}
        for number, attempt in enumerate(script.clients, start=1):
            own[attempt.name] = shared.copy()
            own[attempt.name].number = number
            own[attempt.name].values |= _names_of(attempt)
            await self._prepare(own[attempt.name], "attempt")
        marks = await observer.marks(shared.values)
        for scope in (shared, *own.values()):
            scope.values |= marks
        return TargetPerformance(
            self.bench,
            self.loaded,
            script,
            journal,
            shared,
            own,
            wires,
            observer,
            self._clockwork,
        )

    @property
    def takes_back(self) -> bool:
        """Tell whether something is taken back before each execution, besides what is at Stripe and
        in Redis: then there cannot be two at a time."""
        reset = self._resetting
        return bool(reset.sql or reset.snapshot or reset.command is not None)

    async def close(self) -> None:
        for wire in self._wires.values():
            await wire.close()
        self._wires.clear()
        await self._clockwork.close()

    async def settle(self) -> None:
        """Wait until nothing is left to be done of the last execution. Raises ``NotReady``."""
        if self._last is not None:
            try:
                await self._last.rest()
            except NotAtRest as failure:
                raise NotReady(f"the execution before this one has not ended: {failure}") from None

    async def mark(self) -> None:
        """Copy the tables, unless each execution begins with a snapshot as it is."""
        if self._mark is None and not self._resetting.snapshot:
            self._mark = Mark(self.bench.eyes)
            await self._mark.take()

    # --- the initial state ----------------------------------------------------------------

    @property
    def _resetting(self) -> ResetTable:
        return self.loaded.reset(self.bench.variant)

    async def _reset(self) -> Observer:
        reset = self._resetting
        if reset.stripe and self.bench.reset is not None:
            await (self.bench.back if self._kept and self.bench.back else self.bench.reset)()
        if reset.redis:
            await self.bench.empty_redis()
        if self._observer is None:
            self._observer = Observer(self.bench, self.loaded)
            await self._observer.begin()
        if self._service is None:
            service = Scope(values={"run": f"service-{uuid.uuid4().hex[:8]}"})
            carried = self.bench.stripe_tap.carried
            await self._prepare(service, "service")
            await self._keep_at_stripe(called=self.bench.stripe_tap.carried != carried)
            self._service = service
        elif self._snapshot is not None:
            await self._snapshot.restore()
        elif self._mark is not None and self.put_back:
            await self._mark.restore()
        self.put_back = False
        if reset.snapshot and self._snapshot is None:
            where = f"{self.loaded.path}, [reset], snapshot"
            self._snapshot = Snapshot(self.bench.eyes, where)
            await self._snapshot.take()
        if reset.sql:
            where = f"{self.loaded.path}, [reset], sql"
            await run_statements(self.bench.eyes, reset.sql, self._service.values, where)
        if reset.command is not None:
            await asyncio.to_thread(self._command)
        return self._observer

    async def _keep_at_stripe(self, *, called: bool) -> None:
        """Have what steps done once per service made at Stripe be there in every execution.

        ``called`` tells whether the service called Stripe in them. Raises ``UsageError`` where
        Stripe forgets it.
        """
        steps = [
            (number, step)
            for number, step in enumerate(self.loaded.file.prepare, start=1)
            if step.per == "service"
        ]
        made = called or any(step.to == "stripe" for _, step in steps)
        if not (steps and made and self._resetting.stripe and self.bench.reset is not None):
            return
        if self.bench.keep is not None:
            await self.bench.keep()
            self._kept = True
        elif Capability.STRIPE_STATE in self.bench.capabilities:
            number = next((n for n, step in steps if step.to == "stripe"), steps[-1][0])
            raise UsageError(
                f"{self.loaded.path}, [[prepare]] {number}, per: what it makes at Stripe is "
                "forgotten before each execution, and this Stripe cannot be taken back to it; "
                "expected per = 'run', or stripe = false in [reset]"
            )

    def _command(self) -> None:
        command = self._resetting.command
        assert command is not None
        where = f"{self.loaded.path}, [reset], command"
        places = starting.places(self.loaded, self.bench.variant, self.bench.addresses)
        argv = starting.argv_of(command, {**places, "port": ""}, where)
        env = starting.whole({}, self.bench.addresses)
        starting.run("the reset's command", argv, self.loaded.folder, env, _COMMAND_DEADLINE_S)

    # --- preparing -------------------------------------------------------------------------

    async def _prepare(self, scope: Scope, per: str) -> None:
        for number, step in enumerate(self.loaded.file.prepare, start=1):
            if step.per == per:
                await self._do(step, scope, f"{self.loaded.path}, [[prepare]] {number}")

    async def _do(self, step: PrepareTable, scope: Scope, where: str) -> None:
        user = step.as_ or USER
        event = None
        if step.delivers:
            deliverable_event = await Events(self.bench).find(step, values_of(scope), where)
            if deliverable_event is None:
                raise NotReady(f"{where}: {not_raised(step)}")
            event = deliverable_event.payload
        common = self.loaded.headers(self.bench.variant)
        request = request_of(self.bench, step, scope, user, common, where, event)
        wires = self.bench.service if step.to == "service" else self.bench.stripe
        try:
            async with asyncio.timeout(step.timeout_s):
                answer = await wires.ask(
                    request.method, request.path, request.body, request.headers
                )
        except NoAnswer as error:
            why = wrote(self.bench.wrote()) if step.to == "service" else ""
            raise NotReady(f"{where}: {step.request} got no answer: {error}{why}") from None
        except TimeoutError:
            raise DeadlineExceeded(
                f"an answer to {step.request} ({where})", step.timeout_s
            ) from None
        scope.keep(user, answer)
        if not leads_on(step, answer.status):
            told = said(answer.body) or "nothing"
            why = wrote(self.bench.wrote()) if answer.status >= 500 else ""
            place = answer.headers.get("location", "")
            leads = f" to {place}" if 300 <= answer.status < 400 and place else ""
            raise NotReady(
                f"{where}: {step.request} was answered {answer.status}{leads}: {told}{why}"
            )
        for name, text in step.capture.items():
            try:
                scope.values[name] = parse_capture(text).take(answer)
            except NothingThere as error:
                place = f"{where.removeprefix(str(self.loaded.path))}, {name}"
                page = keep_page(self.bench.logs, place, answer)
                raise NotReady(f"{where}, capture, {name}: {error}{page}") from None


def _names_of(attempt: TargetAttempt) -> dict[str, str | int]:
    return {"attempt": attempt.name, "n": attempt.number}
