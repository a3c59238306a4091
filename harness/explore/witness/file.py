"""A witness: the schedule that shows a counterexample, in a file that a person can read.

It says what was explored, who moved at each step, what that step was, and what came of it. The
history of the execution lies beside it. A witness replays to the same verdict as long as the
service behaves the same; where it does not, the replay says at which step it went another way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from paidonce import harness
from paidonce.harness.bounded import decode_json, encode_json, read_file
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.failures import PlannedFailure
from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.search.types import Expected
from paidonce.harness.explore.search.world import Taken
from paidonce.harness.service.passing import Passing
from paidonce.harness.taps.changes import Change
from paidonce.harness.taps.faults import AtTap, FromOutside
from paidonce.harness.testbed.bench import Source
from paidonce.harness.verdict import Broken, Status, Verdict, Violation

WITNESS_FORMAT = 1


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """A lock that an attempt's open transaction holds, as its statements tell."""

    actor: str
    what: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that waits for locks of others, as Postgres says, and for which."""

    actor: str
    on: tuple[str, ...]
    what: str


class WitnessStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step: who moved, by what, and who else could have."""

    number: int
    actor: str
    label: str
    enabled: tuple[str, ...]
    blocked: bool = False
    """It then waited for somebody else."""
    woken: tuple[str, ...] = ()
    """Who no longer had to wait because of it."""
    fault: AtTap | FromOutside | None = None
    """The fault that happened in it."""
    done: bool = False
    """True if the dependency had done what it was asked when that happened."""
    event: int | None = None
    """The place in the history of the unit that it let through; None where none is, or where the
    step is that of an older file or of a replay."""
    locks: tuple[Lock, ...] = ()
    """The locks held once all had come to rest after it."""
    waits: tuple[Waiting, ...] = ()
    """Who waited for whom then."""

    def expected(self) -> Expected:
        """The step as a replay is to find it."""
        return Expected(actor=self.actor, label=self.label, enabled=self.enabled)


_JUDGEMENT = "judgement"
"""Values that only a verdict speaks of are named after it."""
UNSTABLE = "?"
"""Stands for a value that differs between equal executions: an id, a moment."""


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a witness file."""

    format: int = WITNESS_FORMAT
    paidonce: str = harness.__version__
    target: str
    described_in: Source | None = None
    variant: str
    scenario: str
    attempts: tuple[str, ...]
    settings: dict[str, str] = {}
    deadlock_gap_ms: float = 15.0
    noise: tuple[str, ...] = ()
    """Patterns of what the service sends by itself, as they were given."""
    learnt: tuple[str, ...] = ()
    """The units it was seen to send by itself: a replay lets them pass as well."""
    apart: tuple[str, ...] = ()
    """Statements that commit by themselves and were found to be no single moment: a replay commits
    them in a step of their own as well."""
    late_answers: bool = False
    sweeps_first: bool = False
    """True if every answer is delivered in a step of its own; a replay does the same."""
    split: tuple[str, ...] = ()
    """Calls to Stripe that begin in a step of their own, since others send them under one key."""
    endless: tuple[str, ...] = ()
    """Steps that attempts make over and over until they are granted: in a replay they wait too."""
    each_try: tuple[str, ...] = ()
    """Steps that attempts make over and over that are a step of their own each: in a replay too."""
    lapse: Passing | None = None
    """The time that passes once so that leases are over, though the target does not say so."""
    failures: tuple[PlannedFailure, ...] = ()
    """The failures, in the order in which they happened; in a replay they happen as well."""
    changes: tuple[Change, ...] = ()
    """The changes under which it was found, with the service untouched: a replay makes them too."""
    history: str = ""
    """File name of the execution's history, beside the witness."""
    status: Status
    broken: tuple[Broken, ...] = ()
    """The checkers' words about it, without generated ids."""
    steps: tuple[WitnessStep, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """Say under which changes it was found, a sentence each."""
        return tuple(
            f"found under a change that is not in the service: {change.words}"
            for change in self.changes
        )

    @property
    def schedule(self) -> tuple[str, ...]:
        return tuple(step.actor for step in self.steps)

    @property
    def trace(self) -> tuple[str, ...]:
        """The execution in normalised words: equal for equal executions."""
        return tuple(f"{step.actor}: {step.label}" for step in self.steps)


def steps_of(taken: tuple[Taken, ...]) -> tuple[WitnessStep, ...]:
    """The steps of an execution as a witness holds them."""
    return tuple(
        WitnessStep(
            number=number,
            actor=step.actor,
            label=step.label,
            enabled=step.enabled,
            blocked=step.blocked,
            woken=step.woken,
            fault=step.fault,
            done=step.done,
        )
        for number, step in enumerate(taken, start=1)
    )


def broken_of(
    verdicts: tuple[Verdict, ...], names: Names, unstable: Collection[str] = ()
) -> tuple[Broken, ...]:
    """The checkers that said INVALID, with generated ids replaced by their names.

    ``unstable`` are names of observed values that differ between equal executions.
    """
    broken = [
        Broken(
            checker=verdict.checker,
            reason=names.sentence(_JUDGEMENT, verdict.reason),
            violations=tuple(
                _stable(violation, names, unstable) for violation in verdict.violations
            ),
        )
        for verdict in verdicts
        if verdict.status is Status.INVALID
    ]
    # Last, for values come first by their names: it is those that are compared with other files.
    return tuple(_told(one, names) for one in broken)


def _stable(violation: Violation, names: Names, unstable: Collection[str]) -> Violation:
    values = {
        name: UNSTABLE if name in unstable else names.text(_JUDGEMENT, names.seen(value))
        for name, value in violation.values.items()
    }
    # Positions are those of one execution's events, as its verdict has them.
    return msgspec.structs.replace(violation, values=values, evidence=())


def _told(broken: Broken, names: Names) -> Broken:
    return msgspec.structs.replace(
        broken,
        violations=tuple(
            msgspec.structs.replace(violation, reason=names.sentence(_JUDGEMENT, violation.reason))
            for violation in broken.violations
        ),
    )


def unstable_values(one: ExecutionOutcome, other: ExecutionOutcome) -> frozenset[str]:
    """The names of observed values in which two executions of the same schedule differ."""
    return frozenset(name for name, _, _ in set(one.values) ^ set(other.values))


def shows_the_same(broken: Sequence[Broken], other: Sequence[Broken]) -> bool:
    """Return whether two executions break the same: the same checkers, the same rules for the same
    attempts, with the same values. What is said of it in words is not compared."""
    return _in_data(broken, other) == _in_data(other, broken)


def _in_data(broken: Sequence[Broken], other: Sequence[Broken]) -> dict[str, object]:
    """Return what is comparable of ``broken``, where ``other`` has it too."""
    theirs = {one.checker: one.ruled for one in other}
    return {
        one.checker: {
            (violation.rule, violation.whose): _compared(violation, theirs[one.checker])
            for violation in one.ruled
        }
        if one.ruled and theirs.get(one.checker)
        else None
        for one in broken
    }


def _compared(violation: Violation, others: Sequence[Violation]) -> dict[str, str]:
    """The values of ``violation`` but for those that are unstable in it or in its like."""
    same = (violation.rule, violation.whose)
    like = next((other for other in others if (other.rule, other.whose) == same), violation)
    return {
        name: value
        for name, value in violation.values.items()
        if UNSTABLE not in (value, like.values.get(name))
    }


def write_witness(witness: Witness, path: Path) -> None:
    """Write ``witness`` to ``path``, which must not exist yet. Raises ``UsageError``."""
    data = msgspec.json.format(encode_json(witness), indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data + b"\n")
    except FileExistsError:
        raise UsageError(f"witness {path} exists already; name another file") from None
    except OSError as error:
        raise UsageError(f"witness {path} cannot be written: {error.strerror}") from error


def read_witness(path: Path) -> Witness:
    """The witness in ``path``. Raises ``UsageError`` naming the file and what was expected."""
    try:
        data = read_file(path)
    except OSError as error:
        raise UsageError(f"witness {path} cannot be read: {error.strerror}") from error
    try:
        version = decode_json(data, _Version).format
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: not a paidonce witness ({error})") from error
    if version != WITNESS_FORMAT:
        raise UsageError(
            f"{path} has witness format {version}; this version reads format {WITNESS_FORMAT}"
        )
    try:
        witness = decode_json(data, Witness)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: not a paidonce witness ({error})") from error
    for step in witness.steps:
        if step.actor not in witness.attempts:
            raise UsageError(
                f"{path}: not a paidonce witness (step {step.number} is made by {step.actor!r}, "
                "which is none of its attempts)"
            )
    return witness


class _Version(msgspec.Struct):
    format: int
