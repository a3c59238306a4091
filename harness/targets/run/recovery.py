"""Recovery of a target: its attempts ask again, and what its file says is done is done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.history import Event, Recorder
from paidonce.harness.process.child import ChildFailed
from paidonce.harness.service.recovery import Progression, RecoveryBounds
from paidonce.harness.service.script import NotReady
from paidonce.harness.taps.faults import TimePasses
from paidonce.harness.targets.file.format import RecoverTable, StepTable
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.meaning_check_failures import statements
from paidonce.harness.targets.run.commands import CommandLine
from paidonce.harness.targets.run.requests import request_of
from paidonce.harness.targets.run.resetting import run_statements
from paidonce.harness.targets.run.scope import Scope
from paidonce.harness.targets.run.script import TargetScript
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.outside import Outside
from paidonce.harness.testbed.still import settle
from paidonce.harness.testbed.sweeping import sweep_by


class RecoveringTarget(Protocol):
    """An execution of a target that recovers."""

    @property
    def bench(self) -> Bench: ...

    @property
    def loaded(self) -> Loaded: ...

    @property
    def script(self) -> TargetScript: ...

    @property
    def journal(self) -> Recorder: ...

    @property
    def shared(self) -> Scope: ...

    @property
    def ops(self) -> Iterator[int]: ...

    @property
    def progressions(self) -> Mapping[str, Progression]: ...

    async def go_on(self, attempt: str) -> None:
        """Have an attempt ask again for what it asked last, and go on if that is answered well."""
        ...

    async def look(self, journal: Recorder | None = None) -> None:
        """Record what came of it all, in ``journal`` if it is not to be its own."""
        ...

    async def unfinished(self) -> str:
        """Return what [rest] says is left to be done; nothing if it is empty."""
        ...


class _Unrecorded:
    """Takes what is looked at between rounds, which is no part of a history."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def now(self) -> int:
        """None of a record's: what is compared has no time."""
        return 0

    def record(self, event: Event) -> None:
        """Keep it, to be compared."""
        self.events.append(event)


@dataclass(frozen=True)
class TargetRecovery:
    """``Recovery`` (see ``paidonce.harness.service.recovery``) of one execution of a target."""

    of: RecoveringTarget

    @property
    def bounds(self) -> RecoveryBounds:
        return self.of.script.recovery

    async def ask_again(self) -> None:
        for name, progression in self._progressions():
            waits = progression.completed is None and not progression.through
            if (progression.asks and self.bounds.asks) or progression.undelivered or waits:
                await self.of.go_on(name)

    async def sweep(self) -> None:
        bench = self.of.bench
        if bench.advance is not None or bench.redis is not None:
            await Outside(bench).happen(TimePasses(self.bounds.passes_s), self.of.journal)
        for number, step in enumerate(self.of.loaded.file.recover, start=1):
            await self._sweep(step, f"{self.of.loaded.path}, [[recover]] {number}")

    async def _sweep(self, step: RecoverTable, where: str) -> None:
        if step.sql:
            values = self.of.shared.values
            await run_statements(self.of.bench.eyes, statements(step), values, f"{where}, sql")
        elif step.command is not None:
            await asyncio.to_thread(self._command, step, f"{where}, command")
        else:
            await self._request(step, where)

    def _command(self, step: RecoverTable, where: str) -> None:
        assert step.command is not None
        of = self.of
        line = CommandLine(of.bench, of.loaded, step.command, of.shared.values, where)
        try:
            line.run(step.within)
        except (ChildFailed, DeadlineExceeded) as failure:
            raise NotReady(f"{where}: {failure}") from None

    async def _request(self, step: RecoverTable, where: str) -> None:
        of, journal = self.of, self.of.journal
        asked = StepTable(
            request=step.request, json=step.json, form=step.form, headers=step.headers
        )
        common = of.loaded.headers(of.bench.variant)
        request = request_of(of.bench, asked, of.shared, step.as_, common, where)
        await sweep_by(
            of.bench,
            journal,
            next(of.ops),
            request,
            name=step.name,
            where=where,
            within_s=step.within,
        )

    async def settle(self) -> None:
        async def through() -> bool:
            return not await self.of.unfinished()

        await settle(self.of.bench, self.bounds.within_s, through)

    async def state(self) -> Mapping[str, object]:
        found: dict[str, object] = {
            f"the answer to {name}": progression.seen for name, progression in self._progressions()
        }
        found["what [rest] waits for"] = await self.of.unfinished()
        seen = _Unrecorded()
        await self.of.look(seen)
        for number, event in enumerate(seen.events):
            told = msgspec.to_builtins(event)
            name = told.get("name") or told.get("id") or f"{number}"
            of = f" of {told['attempt']}" if told.get("attempt") else ""
            found[f"{name}{of}"] = told
        return found

    @property
    def owed(self) -> Sequence[str]:
        if not self.bounds.asks:
            return ()
        return [name for name, progression in self._progressions() if progression.owed]

    @property
    def undelivered(self) -> Sequence[str]:
        return [name for name, progression in self._progressions() if progression.undelivered]

    def _progressions(self) -> Sequence[tuple[str, Progression]]:
        """In the order of the script."""
        return [
            (attempt.name, self.of.progressions[attempt.name])
            for attempt in self.of.script.attempts
            if attempt.name in self.of.progressions
        ]
