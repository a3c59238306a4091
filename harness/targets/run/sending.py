"""The requests and commands of a target's attempts: sent, recorded, and kept to be asked again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.history import Action, Completed, Invoked, Note, Outcome, Recorder
from paidonce.harness.http.client import NoAnswer, Request
from paidonce.harness.process.child import ChildFailed
from paidonce.harness.service.recovery import Progression
from paidonce.harness.service.script import Released
from paidonce.harness.targets.file.format import AttemptStepTable, Command, StepTable
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.run.answers import asked, key_of, told_by
from paidonce.harness.targets.run.commands import CommandLine, run_beside
from paidonce.harness.targets.run.kept_pages import keep_page
from paidonce.harness.targets.run.lines import Lines
from paidonce.harness.targets.run.order_identity import order_of
from paidonce.harness.targets.run.requests import request_of, values_of
from paidonce.harness.targets.run.scope import Scope
from paidonce.harness.targets.run.script import TargetAttempt
from paidonce.harness.testbed.bench import Bench


@dataclass
class Sending:
    """Sends for the attempts of one execution, and knows what each waits for."""

    bench: Bench
    loaded: Loaded
    journal: Recorder
    own: Mapping[str, Scope]
    lines: Lines
    progressions: dict[str, Progression]
    ops: Iterator[int] = field(default_factory=itertools.count)
    sent: dict[str, Request] = field(default_factory=dict)
    """The request that each attempt sent last."""
    begun: set[str] = field(default_factory=set)
    """Attempts that have sent a request."""
    _asking: dict[str, int] = field(default_factory=dict)
    """The operation that each attempt waits for the answer of."""
    _given_up: set[int] = field(default_factory=set)
    """Operations whose client has given up: their answers are nobody's."""

    def where(self, part: TargetAttempt, number: int) -> str:
        """Return the place of a step, as errors name it."""
        return f"{self.loaded.path}, attempt {part.name}, step {number}"

    def _user(self, part: TargetAttempt, step: StepTable) -> str:
        return step.as_ or part.table.as_

    def request(
        self, part: TargetAttempt, number: int, step: StepTable, event: bytes | None = None
    ) -> Request:
        """Return the request that a step is, with the event that it delivers."""
        user, where = self._user(part, step), self.where(part, number)
        scope = self.own[part.name]
        common = self.loaded.headers(self.bench.variant)
        return request_of(self.bench, step, scope, user, common, where, event)

    async def run(
        self,
        part: TargetAttempt,
        number: int,
        step: AttemptStepTable,
        command: Command,
        released: Released | None,
    ) -> bool:
        """Run the command that a step is, to its end; returns whether it succeeded.

        Nobody asks for it again: what is done regularly, ``[[recover]]`` says.
        """
        self.progressions[part.name].through = True
        where, values = self.where(part, number), values_of(self.own[part.name])
        line = CommandLine(self.bench, self.loaded, command, values, where)
        if released is not None:
            await released()
        op, journal = next(self.ops), self.journal
        self.begun.add(part.name)
        journal.record(
            Invoked(
                t=journal.now(),
                op=op,
                attempt=part.name,
                action=Action.REQUEST,
                order=order_of(self.loaded.file, self.own[part.name].values),
                args={"step": number, "request": step.name or line.words},
            )
        )
        outcome, error = Outcome.OK, None
        try:
            await run_beside(self.bench, line, step.timeout_s)
        except (ChildFailed, DeadlineExceeded) as failure:
            outcome, error = Outcome.FAILED, str(failure)
        journal.record(Completed(t=journal.now(), op=op, outcome=outcome, error=error))
        return outcome is Outcome.OK

    async def send(
        self,
        part: TargetAttempt,
        number: int,
        step: StepTable,
        request: Request,
        released: Released | None,
        by: str = "",
    ) -> Completed:
        """Send a request, once ``released`` lets it, and record what its client is told.

        It goes ``by`` the connection of another name where a client asks again.
        """
        scope = self.own[part.name]
        self.sent[part.name] = request
        op = next(self.ops)
        if released is not None:
            if step.to != "stripe":  # all but its last byte is on its way then
                await self.lines.of(part, step).prepare(request)
            await released()
        self.journal.record(
            Invoked(
                t=self.journal.now(),
                op=op,
                attempt=part.name,
                action=Action.REQUEST,
                order=order_of(self.loaded.file, scope.values),
                key=key_of(request),
                args=asked(number, step, request),
            )
        )
        self._asking[part.name] = op
        self.begun.add(part.name)
        try:
            async with asyncio.timeout(step.timeout_s):
                ready = released is not None
                answer = await self.lines.answer(part, step, request, by, ready=ready)
        except (TimeoutError, NoAnswer) as failure:
            if op in self._given_up:
                return self._late(op, f"was never answered: {failure}")
            self._asking.pop(part.name, None)
            if step.to != "stripe":
                await self.lines.of(part, step, by).close()
            error = str(failure) or f"no answer within {step.timeout_s:g} s"
            completed = Completed(t=self.journal.now(), op=op, outcome=Outcome.UNKNOWN, error=error)
            self.progressions[part.name].told(completed)
        else:
            if op in self._given_up:
                return self._late(op, f"was answered {answer.status}")
            self._asking.pop(part.name, None)
            scope.keep(self._user(part, step), answer)
            last = number == len(part.steps)
            answered = told_by(self.loaded.file, part.table, step, answer, last=last)
            scope.values.update(answered.captured)
            if answered.lacking:
                page = keep_page(self.bench.logs, f"{part.table.name}, step {number}", answer)
                answered = replace(answered, error=f"{answered.error}{page}")
            completed = answered.completed(op, self.journal.now())
            self.progressions[part.name].told(completed, later=answered.later)
        self.journal.record(completed)
        return completed

    def give_up(self, part: TargetAttempt) -> bool:
        """Have an attempt's client give up what it waits for; False if it waits for nothing."""
        op = self._asking.pop(part.name, None)
        if op is None:
            return False
        self._given_up.add(op)
        lost = Completed(
            t=self.journal.now(), op=op, outcome=Outcome.UNKNOWN, error="its client gave up"
        )
        self.journal.record(lost)
        self.progressions[part.name].told(lost)
        return True

    def _late(self, op: int, what: str) -> Completed:
        """Note what came of an operation whose client had given up; nobody was told."""
        now = self.journal.now()
        self.journal.record(
            Note(t=now, text=f"operation {op} {what} after its client had given up")
        )
        return Completed(t=now, op=op, outcome=Outcome.UNKNOWN)
