"""The outcome of an execution: equal for executions that make no difference to anybody."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from paidonce.harness.checkers import telling
from paidonce.harness.history import (
    ChargeObserved,
    History,
    IntentObserved,
    Observed,
    OrderObserved,
    Outcome,
)
from paidonce.harness.verdict import Status, Verdict, merge

_REFUSED = (Outcome.REJECTED.value, Outcome.FAILED.value)


class ExecutionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an execution: equal for executions that make no difference to anybody.

    ``answers`` are (attempt, action, outcome, code), equal refusals of one attempt once; ``orders``
    (status, amount, refunded), ``intents`` (status, amount, received) and ``charges`` (status,
    amount, refunded), all sorted;
    ``broken`` names the checkers that found it invalid, ``rules`` what of theirs was broken, where
    they tell: "invariants: paid once".
    """

    status: Status
    answers: tuple[tuple[str, str, str, str], ...]
    broken: tuple[str, ...]
    orders: tuple[tuple[str, int, int], ...]
    intents: tuple[tuple[str, int, int], ...]
    charges: tuple[tuple[str, int, int], ...]
    values: tuple[tuple[str, str, str], ...] = ()
    """(name, attempt, value) of what else was observed; ``+n`` where it was looked up before."""
    handed_out: tuple[int, ...] = ()
    """How much was handed out for each order that shows it, sorted."""
    rules: tuple[str, ...] = ()
    safety: Status | None = None
    """The status without what is asked of liveness; None where that is all there is."""

    @property
    def unsettled(self) -> bool:
        """Return whether it is only that it does not come to rest."""
        return self.status is Status.INVALID and self.safety is Status.VALID


def outcome_of(history: History, verdicts: Sequence[Verdict]) -> ExecutionOutcome:
    """Return the outcome of an execution, without anything that differs between equal
    executions."""
    answers = [
        (
            operation.invoked.attempt,
            operation.invoked.action.value,
            operation.outcome.value,
            (operation.completed.code or "") if operation.completed else "",
        )
        for operation in history.operations
    ]
    # A delivery that is refused twice before it is accepted comes to what one refused once does.
    refused = {answer for answer in answers if answer[2] in _REFUSED}
    others = [answer for answer in answers if answer[2] not in _REFUSED]
    before = {_whose(seen): seen.value for _, seen in history.of(Observed) if seen.before}
    return ExecutionOutcome(
        status=merge(verdict.status for verdict in verdicts),
        answers=tuple(sorted([*others, *refused])),
        broken=tuple(sorted(v.checker for v in verdicts if v.status is Status.INVALID)),
        rules=_rules(verdicts),
        safety=merge(v.status for v in verdicts if not telling(v.checker).liveness),
        orders=tuple(
            sorted(
                (order.payment_status, order.amount, order.refunded_amount)
                for _, order in history.of(OrderObserved)
            )
        ),
        handed_out=tuple(
            sorted(
                len(order.handed_out)
                for _, order in history.of(OrderObserved)
                if order.handed_out is not None
            )
        ),
        intents=tuple(
            sorted(
                (intent.status, intent.amount, intent.amount_received)
                for _, intent in history.of(IntentObserved)
            )
        ),
        charges=tuple(
            sorted(
                (charge.status, charge.amount, charge.amount_refunded)
                for _, charge in history.of(ChargeObserved)
            )
        ),
        values=tuple(
            sorted(
                (seen.name, seen.attempt or "", _since(before.get(_whose(seen)), seen.value))
                for _, seen in history.of(Observed)
                if seen.at_rest
            )
        ),
    )


@dataclass(frozen=True)
class Judged:
    """An execution judged, with all there is to show for it."""

    came: ExecutionOutcome
    verdicts: tuple[Verdict, ...]
    history: History


def judged(history: History, verdicts: tuple[Verdict, ...]) -> Judged:
    """Return a judged execution with its outcome."""
    return Judged(outcome_of(history, verdicts), verdicts, history)


def told(outcome: Hashable, attempt: str) -> Hashable:
    """Return what the client of one attempt was answered: equal for two that were answered the
    same."""
    assert isinstance(outcome, ExecutionOutcome)
    return tuple(tuple(answer) for who, *answer in outcome.answers if who == attempt)


def differing(one: Hashable, other: Hashable) -> frozenset[str] | None:
    """The names of the observed values in which two outcomes differ; None where they differ in
    anything else."""
    assert isinstance(one, ExecutionOutcome)
    assert isinstance(other, ExecutionOutcome)
    if without(one, None) != without(other, None):
        return None
    return frozenset(name for name, _, _ in {*one.values} ^ {*other.values})


def without(outcome: Hashable, names: frozenset[str] | None) -> Hashable:
    """``outcome`` without the values of these names; without any if ``names`` is None."""
    assert isinstance(outcome, ExecutionOutcome)
    left = () if names is None else tuple(v for v in outcome.values if v[0] not in names)
    return msgspec.structs.replace(outcome, values=left)


def successes(outcome: Hashable, attempt: str) -> int:
    """Return how many requests of one attempt succeeded."""
    assert isinstance(outcome, ExecutionOutcome)
    return sum(who == attempt and what == Outcome.OK for who, _, what, _ in outcome.answers)


def exchanged(outcome: Hashable, names: Mapping[str, str]) -> Hashable:
    """``outcome`` with the attempts called something else."""
    assert isinstance(outcome, ExecutionOutcome)
    return msgspec.structs.replace(
        outcome,
        answers=tuple(sorted((names.get(a, a), *more) for a, *more in outcome.answers)),
        values=tuple(sorted((n, names.get(a, a), value) for n, a, value in outcome.values)),
    )


def _rules(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    rules: set[str] = set()
    for verdict in verdicts:
        if verdict.status is Status.INVALID:
            ruled = [f"{verdict.checker}: {violation.rule}" for violation in verdict.broken.ruled]
            rules.update(ruled or [verdict.checker])
    return tuple(sorted(rules))


def _whose(seen: Observed) -> tuple[str, str | None]:
    return seen.name, seen.attempt


def _since(before: float | str | bool | None, value: float | str | bool) -> str:
    """Return a value as it is compared: of a number that was looked up before the attempts too,
    what they added. Where nothing is reset it is another number in each execution."""
    if isinstance(before, int | float) and isinstance(value, int | float):
        return f"{value - before:+}"
    return str(value)


def judge_safety(outcome: Hashable) -> Verdict:
    """As ``judge_outcome``, but for what is asked of liveness."""
    assert isinstance(outcome, ExecutionOutcome)
    if outcome.safety is None:
        return judge_outcome(outcome)
    return judge_outcome(msgspec.structs.replace(outcome, status=outcome.safety))


def judge_outcome(outcome: Hashable) -> Verdict:
    """The verdict that is part of an outcome, as searches want it."""
    assert isinstance(outcome, ExecutionOutcome)
    reason = f"broken: {', '.join(outcome.broken)}" if outcome.broken else "every invariant held"
    if outcome.status is Status.UNKNOWN:
        reason = "a checker could not decide"
    return Verdict(checker="exploration", status=outcome.status, reason=reason)
