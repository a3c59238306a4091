"""The conditions a service's description states over its database and Stripe all hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from paidonce.harness.checkers.after_recovery import recovered
from paidonce.harness.checkers.answers import evidence
from paidonce.harness.checkers.base import NOTHING, Telling, conclude, some
from paidonce.harness.checkers.expressions import (
    BEFORE,
    BadExpression,
    Expression,
    NoValue,
    Value,
    parse,
)
from paidonce.harness.checkers.told import last_operations, told_success, unanswered
from paidonce.harness.history import History, Invariant, Observed, Outcome
from paidonce.harness.verdict import Status, Verdict, Violation

Values = dict[str, tuple[int, Value]]
"""Observed values by name, each with its position in the history."""


class Invariants:
    """Puts every condition to the values that were observed when all was over.

    A condition with a value that is an attempt's own is put once for each attempt. An attempt
    without an answer may have succeeded: a condition that depends on whether it did is in doubt.
    Not so after recovery, in which it asked again: if it was refused then, it had succeeded or had
    not, and all conditions must hold either way or the other. What must hold always is put to what
    was found after each step as well; the first time it does not is told.
    """

    name = "invariants"
    title = "Every invariant of the target holds"
    needs = NOTHING
    telling = Telling(
        broke="an invariant of the target no longer holds", weight=100, of_targets=True
    )

    def check(self, history: History) -> Verdict:
        rules = history.header.rules
        if rules is None:
            reason = "the history says no rules of a target"
            return Verdict(checker=self.name, status=Status.UNKNOWN, reason=reason)
        violations: list[Violation] = []
        doubts: list[str] = []
        cases: list[tuple[Invariant, _Case]] = []
        for invariant in rules.invariants:
            try:
                expression = parse(invariant.check)
            except BadExpression as error:
                doubts.append(f"{invariant.name}: {error}")
                continue
            if invariant.always:
                cases += [(invariant, case) for case in _moments(history, expression)]
            cases += [(invariant, case) for case in _cases(history, expression)]
        settled = _settled(cases) if recovered(history) is not None else {}
        told: set[tuple[str, str | None]] = set()
        for invariant, case in cases:
            found = case.judge(invariant, min(settled.get(case.attempt, ()), default=None))
            if isinstance(found, Violation):
                if (invariant.name, case.attempt) not in told:
                    violations.append(found)
                told.add((invariant.name, case.attempt))
            elif found is not None:
                doubts.append(found)
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=doubts,
            fine=f"{some(len(rules.invariants), 'invariant')} held",
            all_told=True,  # which of them are broken is what matters
        )


class _Case:
    """One condition's values: of all attempts, or of one."""

    def __init__(
        self,
        expression: Expression,
        attempt: str | None,
        values: Values,
        before: Values,
        successes: tuple[int, int],
        attempts: int,
        answers: tuple[int, ...],
        step: int | None = None,
    ) -> None:
        """``step`` is that after which the values were found; None when all was over."""
        self._step = step
        self._expression = expression
        self.attempt = attempt
        self._values = values
        self._before = before
        self._successes = successes
        self.attempts = attempts
        self._answers = answers

    def holding(self) -> set[int]:
        """The numbers of successes there may have been with which it holds; all, if it cannot be
        told."""
        least, most = self._successes
        try:
            return {n for n in range(least, most + 1) if self._holds(n)}
        except (NoValue, TypeError):
            return set(range(least, most + 1))

    def judge(self, invariant: Invariant, settled: int | None) -> Violation | str | None:
        """A violation, a doubt, or nothing; ``settled`` is how many succeeded, where that is
        known."""
        whose = f" for {self.attempt}" if self.attempt is not None else ""
        least, most = self._successes if settled is None else (settled, settled)
        try:
            held = {self._holds(successes): successes for successes in range(least, most + 1)}
        except NoValue as error:
            return f"{invariant.name}{whose}: {error} was not observed"
        except TypeError as error:
            return f"{invariant.name}{whose}: {invariant.check} makes no sense: {error}"
        if len(held) > 1:
            return f"{invariant.name}{whose}: it depends on an attempt that got no answer"
        if True in held:
            return None
        return Violation(
            title=f"{invariant.name}{whose}",
            reason=f"{invariant.check}, but {self._said(least) or 'that is never so'}{self._when}",
            rule=invariant.name,
            whose=self.attempt or "",
            values=self._shown(least),
            evidence=self._evidence(),
        )

    @property
    def _when(self) -> str:
        return "" if self._step is None else f" after step {self._step}"

    def _holds(self, successes: int) -> bool:
        values = {name: value for name, (_, value) in self._values.items()}
        values |= {"attempts": self.attempts, "successes": successes}
        return self._expression.holds(values, {n: value for n, (_, value) in self._before.items()})

    def _said(self, successes: int) -> str:
        names = sorted(self._expression.names)
        own: Mapping[str, Value] = {"attempts": self.attempts, "successes": successes}
        words = [f"{n} = {own[n] if n in own else self._values[n][1]}" for n in names]
        words += [f"{BEFORE}.{n} = {self._before[n][1]}" for n in sorted(self._expression.before)]
        return ", ".join(words)

    def _shown(self, successes: int) -> dict[str, str]:
        own: Mapping[str, Value] = {"attempts": self.attempts, "successes": successes}
        return {
            n: str(own[n] if n in own else self._values[n][1])
            for n in sorted(self._expression.names)
        }

    def _evidence(self) -> tuple[int, ...]:
        used = [self._values[n][0] for n in self._expression.names if n in self._values]
        used += [self._before[n][0] for n in self._expression.before if n in self._before]
        answers = self._answers if "successes" in self._expression.names else ()
        return tuple(sorted({*used, *answers}))


def settled_successes(history: History) -> frozenset[int]:
    """The numbers of attempts that can have succeeded, by the conditions that ask for it; none
    where no condition does, or where there was no recovery in which those without an answer asked
    again."""
    rules = history.header.rules
    if rules is None or recovered(history) is None:
        return frozenset()
    cases: list[tuple[Invariant, _Case]] = []
    for invariant in rules.invariants:
        try:
            expression = parse(invariant.check)
        except BadExpression:
            continue
        if "successes" in expression.names:
            cases += [(invariant, case) for case in _cases(history, expression)]
    return _settled(cases).get(None, frozenset())


def _settled(cases: Sequence[tuple[Invariant, _Case]]) -> dict[str | None, frozenset[int]]:
    """The numbers that can have succeeded of each attempt, and of all: those by which the most
    conditions hold."""
    counts: dict[str | None, Counter[int]] = {}
    for _, case in cases:
        counts.setdefault(case.attempt, Counter()).update(case.holding())
    return {
        attempt: frozenset(n for n in held if held[n] == max(held.values()))
        for attempt, held in counts.items()
        if held
    }


def _cases(history: History, expression: Expression) -> Iterator[_Case]:
    rules = history.header.rules
    assert rules is not None
    observed = list(history.of(Observed))
    names = expression.names | expression.before
    owners = {seen.attempt for _, seen in observed if seen.name in names} - {None}
    last = last_operations(history)
    own: list[str | None] = [name for name in rules.attempts if name in owners]
    for attempt in own or [None]:
        whose = rules.attempts if attempt is None else (attempt,)
        sure = [name for name in whose if name in last and told_success(last[name])]
        doubtful = unanswered(history)
        maybe = [
            n
            for n in whose
            if n not in sure
            and (n not in last or last[n].outcome is Outcome.UNKNOWN or n in doubtful)
        ]
        mine = [(at, o) for at, o in observed if o.attempt in (None, attempt)]
        yield _Case(
            expression,
            attempt,
            {seen.name: (at, seen.value) for at, seen in mine if seen.at_rest},
            {seen.name: (at, seen.value) for at, seen in mine if seen.before},
            (len(sure), len(sure) + len(maybe)),
            len(whose),
            evidence(last[name] for name in whose if name in last),
        )


def _moments(history: History, expression: Expression) -> Iterator[_Case]:
    """Yield the cases of a condition in the midst of the attempts, in their order."""
    rules = history.header.rules
    assert rules is not None
    before = {(o.name, o.attempt): (at, o.value) for at, o in history.of(Observed) if o.before}
    for look in _looks(history):
        step = next(iter(look.values()))[1].step
        names = expression.names | expression.before
        owners = {attempt for name, attempt in look if name in names} - {None}
        own: list[str | None] = [name for name in rules.attempts if name in owners]
        for attempt in own or [None]:
            yield _Case(
                expression,
                attempt,
                {n: (at, o.value) for (n, a), (at, o) in look.items() if a in (None, attempt)},
                {n: value for (n, a), value in before.items() if a in (None, attempt)},
                (0, 0),
                1 if attempt is not None else len(rules.attempts),
                (),
                step,
            )


def _looks(history: History) -> Iterator[dict[tuple[str, str | None], tuple[int, Observed]]]:
    """Yield what each look in the midst of the attempts found, by name and attempt."""
    found: dict[tuple[str, str | None], tuple[int, Observed]] = {}
    step: int | None = None
    for at, seen in history.of(Observed):
        if seen.step is None:
            continue
        if found and (seen.step != step or (seen.name, seen.attempt) in found):
            yield found
            found = {}
        step = seen.step
        found[seen.name, seen.attempt] = (at, seen)
    if found:
        yield found
