"""One execution of a target's attempts: what each sends and is told, and what came of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from paidonce.harness.capability import Capability
from paidonce.harness.history import Completed, Outcome, Recorder
from paidonce.harness.http.client import Wire
from paidonce.harness.service.passing import EVERY_LEASE_OVER
from paidonce.harness.service.recovery import Progression
from paidonce.harness.service.responses import UnexpectedAnswer
from paidonce.harness.service.script import Left, NotAtRest, Over, Released, Surroundings
from paidonce.harness.targets.file.format import AttemptStepTable, StepTable, TimeTable
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.placeholders import as_parameters
from paidonce.harness.targets.run.answers import NOT_YET, captured, leads_on
from paidonce.harness.targets.run.events import Events, not_raised
from paidonce.harness.targets.run.lines import Lines
from paidonce.harness.targets.run.observing import Observer, query_value
from paidonce.harness.targets.run.order_identity import order_key, order_of
from paidonce.harness.targets.run.recovery import TargetRecovery
from paidonce.harness.targets.run.requests import values_of
from paidonce.harness.targets.run.scope import Scope
from paidonce.harness.targets.run.script import TargetAttempt, TargetScript, always_observed
from paidonce.harness.targets.run.sending import Sending
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.final_state import ledger
from paidonce.harness.testbed.passing import Clockwork

_REDELIVERIES = 100
_PARK_S = 0.05
_ASKED_AGAIN_S = 0.1
_LOOK_AGAIN_S = 0.02


@dataclass
class TargetPerformance:
    """``Performance`` (see ``paidonce.harness.service.script``) of a target file."""

    bench: Bench
    loaded: Loaded
    script: TargetScript
    journal: Recorder
    shared: Scope
    own: Mapping[str, Scope]
    wires: dict[str, Wire]
    observer: Observer
    clockwork: Clockwork
    _surroundings: Surroundings | None = None
    stayed: frozenset[str] = frozenset()
    progressions: dict[str, Progression] = field(default_factory=dict)
    """How far its attempts have come."""
    _events: Events = field(init=False)
    _lines: Lines = field(init=False)
    _sending: Sending = field(init=False)
    _begins: set[str] = field(default_factory=set)
    """Attempts for which what they begin with is known to be there."""
    _under_way: set[str] = field(default_factory=set)
    """Attempts that are being played and wait for nothing that has yet to come into being."""

    def __post_init__(self) -> None:
        self._events = Events(self.bench)
        self._lines = Lines(self.bench, self.loaded, self.script, self.wires)
        self._sending = Sending(
            self.bench, self.loaded, self.journal, self.own, self._lines, self.progressions
        )

    @property
    def ops(self) -> Iterator[int]:
        """The numbers of the operations to come."""
        return self._sending.ops

    @property
    def known(self) -> Mapping[str, str]:
        """The values that were captured, under the names they were captured by."""
        names: dict[str, str] = {}
        for name, value in self.shared.values.items():
            names.setdefault(str(value), name)
        for attempt, scope in self.own.items():
            for name, value in scope.values.items():
                if name not in ("attempt", "n"):
                    names.setdefault(str(value), f"{name} of {attempt}")
        return names

    @property
    def left(self) -> Left | None:
        return self._left if self.loaded.file.rest.sql else None

    async def join(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        for attempt in self.script.attempts:
            if attempt.time is not None:
                runs = bool(attempt.time.statements) and self.bench.controlled
                asks = bool(self._asks_of(attempt.name))
                await self.clockwork.join(attempt.name, runs=runs, as_time_does=asks)
                continue
            await self._lines.warm(attempt)
            for step in attempt.steps:
                if step.to not in ("service", "stripe"):
                    await self._lines.of(attempt, step).connect()

    async def may_begin(self, attempt: str) -> bool:
        part = self._part(attempt)
        if part.time is not None:
            return True
        if part.again:
            return part.again in self._sending.begun
        if attempt not in self._begins and await self._there(part, 1, part.steps[0]):
            self._begins.add(attempt)
        return attempt in self._begins

    async def look(self, journal: Recorder | None = None) -> None:
        """Record what came of it all, in ``journal`` if it is not to be its own."""
        journal = journal or self.journal
        await self._observe(journal, self.loaded.file.observe, before=False)
        if Capability.STRIPE_LEDGER in self.bench.capabilities:
            file = self.loaded.file
            scopes = (self.shared, *self.own.values())
            orders = {order_of(file, scope.values) for scope in scopes} - {""}
            for event in await ledger(self.bench, journal, orders, order_key(file)):
                journal.record(event)

    async def look_between(self, step: int) -> None:
        """Record what must hold at any time, as it is after this step."""
        own = {name: scope.values for name, scope in self.own.items()}
        names = always_observed(self.loaded)
        await self.observer.observe(self.journal, names, self.shared.values, own, step=step)

    async def observe(self, names: Iterable[str], *, before: bool = False) -> None:
        """Record the values of these names."""
        await self._observe(self.journal, names, before=before)

    async def _observe(self, journal: Recorder, names: Iterable[str], *, before: bool) -> None:
        own = {name: scope.values for name, scope in self.own.items()}
        await self.observer.observe(journal, names, self.shared.values, own, before=before)

    # --- a step ------------------------------------------------------------------------------

    def _part(self, attempt: str) -> TargetAttempt:
        return next(part for part in self.script.attempts if part.name == attempt)

    async def play(self, attempt: str, released: Released | None = None) -> None:
        part = self._part(attempt)
        if part.time is not None:
            await self._passes(part.name, part.time)
            return
        if part.again:
            await self._gives_up(self._part(part.again), part.name)
            return
        progression = self.progressions.setdefault(attempt, Progression())
        self._under_way.add(attempt)
        try:
            for number, step in enumerate(part.steps, start=1):
                progression.at(number, delivers=bool(step.delivers))
                if step.command is not None:
                    if not await self._sending.run(part, number, step, step.command, released):
                        return
                    released = None
                    continue
                if not await self._can_be_made(part, number, step):
                    return
                completed = await self._step(part, number, step, released)
                released = None
                if completed.outcome is not Outcome.OK:
                    return
            progression.through = True
        finally:
            self._under_way.discard(attempt)

    async def _passes(self, name: str, time: TimeTable) -> None:
        where = f"{self.loaded.path}, [[time]] {time.name}, sql"
        values = self.shared.values
        prepared = [as_parameters(statement, values, where) for statement in time.statements]
        if name == EVERY_LEASE_OVER:
            where = "a lease could not be let run out; write a [[time]] that ends it"
        self.stayed |= await self.clockwork.passes(
            name,
            time.seconds or 0.0,
            prepared,
            self.journal,
            where,
            self._asks_of(name),
            catches_up=time.catches_up,
        )

    async def let_go(self, attempt: str) -> None:
        if self._asks_of(attempt):
            await self.clockwork.let_go()

    def _asks_of(self, name: str) -> tuple[str, ...]:
        """Return what is asked after the statements of the time of that name."""
        lapse = self.script.lapse
        return lapse.left if lapse is not None and name == EVERY_LEASE_OVER else ()

    async def go_on(self, attempt: str) -> None:
        """Have an attempt ask again for what it asked last, and go on if that is answered well.

        Nobody else is about. A step that could not be made before is made if it can be by now.
        """
        part, progression = self._part(attempt), self.progressions[attempt]
        progression.asked = True
        while True:
            step = part.steps[progression.step - 1]
            if progression.completed is None and not await self._there(
                part, progression.step, step
            ):
                return
            if progression.completed is None or step.delivers:  # which is signed anew each time
                event = await self._event(part, progression.step, step) if step.delivers else None
                request = self._sending.request(part, progression.step, step, event)
            else:
                request = self._sending.sent[attempt]
            completed = await self._sending.send(part, progression.step, step, request, None)
            if completed.outcome is not Outcome.OK:
                return
            if progression.step == len(part.steps):
                progression.through = True
                return
            progression.at(
                progression.step + 1, delivers=bool(part.steps[progression.step].delivers)
            )

    async def _gives_up(self, part: TargetAttempt, again: str) -> None:
        """Have an attempt's client give up, if it waits for an answer, and ask again.

        That is told under its own name, and seen at the taps under that of ``again``, since the
        service may still be at work for what it asked first.
        """
        if not self._sending.give_up(part):
            return
        progression = self.progressions[part.name]
        request = self._sending.sent[part.name]
        if part.table.gives_up == "new key":
            request = self._sending.request(
                part, progression.step, part.steps[progression.step - 1]
            )
        while True:
            step = part.steps[progression.step - 1]
            completed = await self._sending.send(
                part, progression.step, step, request, None, by=again
            )
            if completed.outcome is not Outcome.OK:
                return
            if progression.step == len(part.steps):
                progression.through = True
                return
            progression.at(progression.step + 1, delivers=False)
            request = self._sending.request(
                part, progression.step, part.steps[progression.step - 1]
            )

    @property
    def recovery(self) -> TargetRecovery:
        return TargetRecovery(self)

    async def _can_be_made(self, part: TargetAttempt, number: int, step: StepTable) -> bool:
        """Wait until what the step needs of Stripe is there; False if it never comes.

        Stripe delivers an event when it likes, and not just when the step before is through.
        """
        if number == 1 and part.name in self._begins:
            return True
        by_itself = step.event or (step.webhook and isinstance(step.object, str))
        at_will = number > 1 and by_itself
        if not at_will and await self._there(part, number, step):
            return True
        assert self._surroundings is not None
        self._under_way.discard(part.name)
        came = await self._surroundings.until(
            part.name,
            lambda: self._there(part, number, step),
            lambda: not self._under_way,
        )
        self._under_way.add(part.name)
        return came

    async def _there(self, part: TargetAttempt, number: int, step: StepTable) -> bool:
        """Return whether Stripe has raised the event that is to be delivered, or has what is looked
        up."""
        if not step.request:  # a command
            return True
        scope, where = self.own[part.name], self._sending.where(part, number)
        if self._events.raised_by_stripe(step):
            # Looking is none of the times at which {fresh} is another.
            values, which = values_of(scope.copy()), part.event_number
            return await self._events.find(step, values, where, which) is not None
        request = step.request.split(maxsplit=1)
        if step.to != "stripe" or request[0] != "GET" or not step.capture:
            return True
        asked = self._sending.request(part, number, step)
        answer = await self.bench.stripe.ask(asked.method, asked.path, asked.body, asked.headers)
        return leads_on(step, answer.status) and not captured(step, answer)[1]

    async def _step(
        self, part: TargetAttempt, number: int, step: StepTable, released: Released | None
    ) -> Completed:
        if isinstance(step, AttemptStepTable) and step.until is not None:
            return await self._until(part, number, step, released)
        event = await self._event(part, number, step) if step.delivers else None
        most = _REDELIVERIES if step.redelivered else 1 + step.retries
        if most > 1 and self._surroundings is not None:
            self._surroundings.delivers(part.name)
        for remaining in reversed(range(most)):
            completed = await self._once(part, number, step, event, released)
            released = None
            if completed.outcome is Outcome.OK or not remaining:
                break
            if self._surroundings is not None:
                await self._surroundings.park(part.name, _PARK_S)
        return completed

    async def _until(
        self, part: TargetAttempt, number: int, step: AttemptStepTable, released: Released | None
    ) -> Completed:
        """Ask until the answer is the one that is waited for, or as often as it may be asked."""
        surroundings = self._surroundings
        assert surroundings is not None
        surroundings.delivers(part.name)
        for remaining in reversed(range(step.tries)):
            completed = await self._once(part, number, step, None, released)
            released = None
            if completed.code != NOT_YET or not remaining:
                break
            if not await surroundings.not_yet(part.name, _ASKED_AGAIN_S):
                break
        return completed

    async def _event(self, part: TargetAttempt, number: int, step: StepTable) -> bytes:
        where = self._sending.where(part, number)
        values, which = values_of(self.own[part.name]), part.event_number
        event = await self._events.find(step, values, where, which)
        if event is None:
            raise UnexpectedAnswer(f"{where}: {not_raised(step)}")
        if event.looked is not None and self._surroundings is not None:
            self._surroundings.looked(part.name, event.looked)
        return event.payload

    async def _once(
        self,
        part: TargetAttempt,
        number: int,
        step: StepTable,
        event: bytes | None,
        released: Released | None,
    ) -> Completed:
        request = self._sending.request(part, number, step, event)
        return await self._sending.send(part, number, step, request, released)

    # --- rest -----------------------------------------------------------------------------------

    async def _left(self) -> bool:
        return bool(await self.unfinished())

    async def unfinished(self) -> str:
        """Return what [rest] says is left to be done; nothing if it is empty."""
        for number, query in enumerate(self.loaded.file.rest.sql, start=1):
            where = f"{self.loaded.path}, [rest], sql, item {number}"
            if left := await query_value(self.bench.eyes, query, self.shared.values, where):
                return f"{query} still gives {left}"
        return ""

    @property
    def asks_again(self) -> bool:
        return False

    async def ask_again(self) -> None:
        """Do nothing: a target file asks nothing once its attempts are through."""

    async def rest(self, over: Over | None = None) -> None:
        rest = self.loaded.file.rest
        waiting = "the queries of [rest] were not answered"
        try:
            async with asyncio.timeout(rest.within):
                while True:
                    called = self.bench.stripe_tap.in_flight
                    unfinished = await self.unfinished()
                    waiting = unfinished or ("a call to Stripe is under way" if called else "")
                    if not waiting:
                        break
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise NotAtRest(f"not at rest after {rest.within:g} s: {waiting}") from None
        if over is not None:
            over()
