"""The script of a target file: its attempts, by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from msgspec import UNSET

from paidonce.harness.checkers.expressions import parse
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Invariant, Rules
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.service.passing import Passing
from paidonce.harness.service.recovery import RecoveryBounds
from paidonce.harness.service.script import clients_among
from paidonce.harness.simulator.engine.event_types import EVENT_TYPES
from paidonce.harness.targets.file.format import (
    AttemptStepTable,
    AttemptTable,
    TargetFile,
    TimeTable,
)
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.meaning_check_steps import again_of, copies, names_of
from paidonce.harness.targets.file.placeholders import as_sql, names_in
from paidonce.harness.targets.file.required_taps import reads_replica


@dataclass(frozen=True)
class TargetAttempt:
    """One client: ``number`` is its place among the copies of its table, from 1.

    ``alone`` tells that it is unlike the other copies: it was prepared for by itself, or what it
    sends depends on which it is.
    """

    name: str
    number: int
    table: AttemptTable
    alone: bool = False
    time: TimeTable | None = None
    """The time that passes, where it is no client: it has no steps then."""
    indexes: bool = False
    """True if it is the index of Stripe's search that moves on then."""
    again: str = ""
    """The attempt of which this is the client once more, after it has given up."""

    @property
    def steps(self) -> Sequence[AttemptStepTable]:
        return self.table.steps

    @property
    def passing(self) -> Passing | None:
        if self.time is None:
            return None
        statements = tuple(map(as_sql, self.time.statements))
        return Passing(
            self.time.seconds or 0.0,
            statements,
            catches_up=self.time.catches_up,
            indexes=self.indexes,
        )

    @property
    def likeness(self) -> str:
        """Equal for copies that do the same to the same things."""
        if self.time is not None:
            return repr(self.time)
        if self.alone or self.table.gives_up:
            return self.name
        return f"{self.event_number} {msgspec.structs.replace(self.table, count=1)!r}"

    @property
    def event_number(self) -> int:
        """Return which of the events that its step tells of it delivers, from 1 in the order in
        which they are raised."""
        events = self.table.steps and self.table.steps[0].event
        return (self.number - 1) // self.table.steps[0].deliveries + 1 if events else 1

    @property
    def delivers_raised(self) -> bool:
        """Return whether it delivers events from the moment at which Stripe raises them."""
        about = (step for step in self.table.steps if step.webhook in EVENT_TYPES)
        return any(step.event for step in self.table.steps) or any(
            isinstance(attempt_step_table.object, str) for attempt_step_table in about
        )

    @property
    def awaits(self) -> str:
        """The type of event that Stripe has to raise before it can begin; empty if none is, or if
        none need be."""
        first = self.table.steps[0] if self.table.steps else None
        return "" if first is None or first.optional else first.event


@dataclass(frozen=True)
class TargetScript:
    """``Script`` (see ``paidonce.harness.service.script``) of a target file."""

    loaded: Loaded
    attempts: tuple[TargetAttempt, ...]
    lapse: Passing | None = None
    """The time that passes though the file does not say so."""
    part_of: TargetScript | None = field(default=None, compare=False, repr=False)
    """The script that this is a part of, some of the attempts left out."""

    @property
    def name(self) -> str:
        return self.loaded.file.name

    @property
    def whole(self) -> TargetScript:
        return self.part_of or self

    @property
    def clients(self) -> tuple[TargetAttempt, ...]:
        """Return the attempts that are clients'."""
        return clients_among(self.attempts)

    @property
    def looked_through(self) -> tuple[str, ...] | None:
        """The queries of [observe] and [rest]; None where recovery follows, which does anything."""
        file = self.loaded.file
        if file.recovery.always:
            return None
        observed = [table.sql for table in file.observe.values() if table.sql]
        return tuple(map(as_sql, (*observed, *file.rest.sql)))

    @property
    def watched(self) -> Mapping[str, str]:
        """Return the queries of what must hold at any time, by their names in [observe]."""
        return {n: as_sql(self.loaded.file.observe[n].sql) for n in always_observed(self.loaded)}

    @property
    def settings(self) -> Mapping[str, str]:
        """None: a target file's variants and [explore] say what the service is told."""
        return {}

    @property
    def failures(self) -> tuple[FailureChoice, ...] | None:
        faults = self.loaded.file.faults
        if faults == "none":
            return ()
        if not isinstance(faults, tuple):
            return None
        return tuple(FailureChoice(table.on, table.kind, table.at_most) for table in faults)

    @property
    def recovery(self) -> RecoveryBounds:
        table = self.loaded.file.recovery
        return RecoveryBounds(
            rounds=table.rounds,
            passes_s=table.passes_s,
            within_s=table.within_s,
            always=table.always,
            asks=table.asks,
        )

    def keeping(self, names: Collection[str]) -> TargetScript:
        """The same with just the attempts of these names."""
        kept = tuple(
            a for a in self.attempts if a.name in names and (not a.again or a.again in names)
        )
        return self if kept == self.attempts else replace(self, attempts=kept, part_of=self.whole)

    def lapsing(self, lapse: Passing | None) -> TargetScript:
        """See ``Script.lapsing``."""
        if lapse == self.lapse:
            return self
        before = self.lapse
        own = tuple(
            attempt for attempt in self.attempts if not before or attempt.name != before.lapse_name
        )
        if lapse:
            time = TimeTable(name=lapse.lapse_name, seconds=lapse.seconds, sql=lapse.sql)
            own = _with_time(self.loaded, own, time, indexes=lapse.indexes)
        return replace(self, attempts=own, lapse=lapse, part_of=None)

    def told_by(self, names: Sequence[str]) -> TargetScript:
        """The same with as many copies as the names tell of, and just those attempts.

        Raises ``UsageError`` naming an attempt that the file does not have.
        """
        counts: dict[str, int] = {}
        for name in names:
            numbered = re.fullmatch(r"(.+) (\d+)", name)
            if numbered:
                stem, number = numbered.group(1), int(numbered.group(2))
                counts[stem] = max(number, counts.get(stem, 0))
        tables = [
            replace_count(table, max(table.count, counts.get(table.name, 0)))
            for table in self.loaded.file.attempts
        ]
        whole = replace(self, attempts=_attempts(self.loaded.file, tables), lapse=None)
        whole = whole.lapsing(self.lapse)
        unknown = sorted(set(names) - {attempt.name for attempt in whole.attempts})
        if unknown:
            raise UsageError(f"{self.loaded.path}: there is no attempt called {unknown[0]!r}")
        return whole.keeping(names)

    def with_attempts(self, count: int) -> TargetScript:
        """The same with ``count`` copies, where one table is copied.

        Raises ``UsageError`` where it is not clear which.
        """
        tables = self.loaded.file.attempts
        copied = [t for t in tables if t.count > 1] if len(tables) > 1 else list(tables)
        if len(copied) != 1:
            raise UsageError(
                f"--attempts: {self.loaded.path} has several [[attempts]]; say count in the file"
            )
        if not 2 <= count <= 200:
            raise UsageError(f"--attempts: expected a number from 2 to 200, got {count}")
        return replace(
            self,
            attempts=_attempts(
                self.loaded.file,
                [replace_count(t, count) if t is copied[0] else t for t in tables],
            ),
        )

    def patient(self, seconds: float) -> TargetScript:
        """The same with clients that wait so long."""
        return replace(
            self,
            attempts=tuple(
                replace(
                    attempt,
                    table=msgspec.structs.replace(
                        attempt.table,
                        steps=tuple(
                            msgspec.structs.replace(step, timeout_s=max(step.timeout_s, seconds))
                            for step in attempt.steps
                        ),
                    ),
                )
                for attempt in self.attempts
            ),
        )

    def rules(self) -> Rules:
        """Return the rules that must hold, as a history carries them."""
        file = self.loaded.file
        counted = tuple(a.name for a in self.clients if a.table.counts)
        least = file.success.at_least
        return Rules(
            attempts=tuple(attempt.name for attempt in self.clients),
            counted=counted,
            invariants=tuple(
                Invariant(name=i.name, check=i.condition, always=bool(i.always))
                for i in file.invariants
            ),
            # With fewer attempts, as in a counterexample made smaller, fewer can succeed.
            at_least=None if least is None else min(least, len(counted)),
            at_most=file.success.at_most,
        )


def always_observed(loaded: Loaded) -> tuple[str, ...]:
    """Return the names in [observe] of what is looked at after each COMMIT, sorted."""
    names = {
        name
        for invariant in loaded.file.invariants
        if invariant.always
        for name in parse(invariant.always).names
    }
    return tuple(sorted(names & set(loaded.file.observe)))


def script_of(loaded: Loaded) -> TargetScript:
    """All that the file says."""
    return TargetScript(loaded, _attempts(loaded.file, loaded.file.attempts))


def replace_count(table: AttemptTable, count: int) -> AttemptTable:
    """The same table with another ``count``."""
    return msgspec.structs.replace(table, count=count)


def _attempts(file: TargetFile, tables: Sequence[AttemptTable]) -> tuple[TargetAttempt, ...]:
    prepared = any(step.per == "attempt" for step in file.prepare)
    told_apart = {"n", "attempt"} & set(names_in([(o.sql, o.where) for o in file.observe.values()]))
    attempts: list[TargetAttempt] = []
    for table in tables:
        sent = [
            [s.request, s.form, s.body, s.variables, s.headers, s.object, s.event_id, s.where]
            for s in table.steps
        ]
        sent += [[s.json] for s in table.steps if s.json is not UNSET]
        alone = prepared or bool(told_apart or {"n", "attempt"} & set(names_in(sent)))
        attempts += [
            TargetAttempt(name, number, table, alone)
            for number, name in enumerate(names_of(table), start=1)
        ]
    again = [
        replace(attempt, name=again_of(attempt.name), again=attempt.name)
        for attempt in attempts
        if attempt.table.gives_up
    ]
    return (*attempts, *again, *_times(file))


def _with_time(
    loaded: Loaded, attempts: tuple[TargetAttempt, ...], time: TimeTable, *, indexes: bool
) -> tuple[TargetAttempt, ...]:
    if any(attempt.name == time.name for attempt in attempts):
        raise UsageError(
            f"{loaded.path}: {time.name!r} names something else already; choose another name"
        )
    return (*attempts, *(replace(attempt, indexes=indexes) for attempt in _passing(time)))


def _times(file: TargetFile) -> Iterator[TargetAttempt]:
    """Yield what passes of time, each as often as it may."""
    for time in file.time:
        yield from _passing(time)
    if reads_replica(file) and not any(time.catches_up for time in file.time):
        yield from _passing(TimeTable(name="replica", catches_up=True))


def _passing(time: TimeTable) -> Iterator[TargetAttempt]:
    for number, name in enumerate(copies(time.name, time.at_most), start=1):
        nobody = AttemptTable(name=time.name, steps=(), counts=False)
        yield TargetAttempt(name, number, nobody, time=time)
