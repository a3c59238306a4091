"""Do the rules and invariants of a target file make sense?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from paidonce.harness.checkers.expressions import BadExpression, Expression, parse
from paidonce.harness.targets.file.answer_rules import check_rule, rules_of
from paidonce.harness.targets.file.error_at import At
from paidonce.harness.targets.file.format import ObserveTable, RuleTable, TargetFile
from paidonce.harness.targets.file.placeholders import OF_AN_ATTEMPT

COUNTED = ("attempts", "successes")
"""Names of conditions that are there without being observed."""

_QUOTED = re.compile(r"'\{(\w+)\}'")


def check_judging(at: At, file: TargetFile, captured: Mapping[str, str]) -> None:
    """Raises ``UsageError``. ``captured`` is what is known before the attempts, by name."""
    _rules(at, file)
    known = [*captured, *OF_AN_ATTEMPT, "before"]
    for name, query in file.marks.items():
        here = at / f"[marks], {name}"
        here.identifier(name)
        if name in known:
            here.fail(f"{{{name}}} is there already; choose another name")
        _query(here, query, [n for n, scope in captured.items() if scope != "attempt"])
    for name, observe in file.observe.items():
        here = at / f"[observe.{name}]"
        here.identifier(name)
        if name in (*COUNTED, "before"):
            here.fail(f"{name} is there already; choose another name")
        _observe(here, observe, [*captured, *file.marks, *OF_AN_ATTEMPT[1:3]])
    _invariants(at, file)
    for number, query in enumerate(file.rest.sql, start=1):
        here = at / f"[rest], sql, item {number}"
        _query(here, query, [n for n, scope in captured.items() if scope != "attempt"])


def _rules(at: At, file: TargetFile) -> None:
    places: list[tuple[At, RuleTable]] = [(at / "[success]", file.success)]
    places += [(at / "[rejection]", rule) for rule in rules_of(file.rejection)]
    for number, attempt in enumerate(file.attempts, start=1):
        here = at / f"[[attempts]] {number}"
        if attempt.success is not None:
            places.append((here / "success", attempt.success))
        if attempt.rejection is not None:
            places += [(here / "rejection", rule) for rule in rules_of(attempt.rejection)]
    if file.recovery.later is not None:
        places.append((at / "[recovery], later", file.recovery.later))
    for here, rule in places:
        check_rule(here, rule)
    least, most = file.success.at_least, file.success.at_most
    if least is not None and most is not None and least > most:
        (at / "[success]").fail(f"at_least = {least} is more than at_most = {most}")
    counted = sum(attempt.count for attempt in file.attempts if attempt.counts)
    if least is not None and least > counted:
        (at / "[success], at_least").fail(f"there are {counted} attempts that count")


def _observe(at: At, observe: ObserveTable, known: list[str]) -> None:
    if bool(observe.sql) == bool(observe.stripe):
        at.fail("expected either sql = 'SELECT …' or stripe = 'charges' (or another kind)")
    if observe.sql:
        for key, given in (("sum", observe.sum), ("where", observe.where)):
            if given:
                (at / key).fail("it is for Stripe's objects; in SQL say it in the query")
        _query(at / "sql", observe.sql, known)
    (at / "where").places(observe.where, known)


def _query(at: At, query: str, known: list[str]) -> None:
    if not query.strip():
        at.fail("expected a query that gives one value, got nothing")
    quoted = _QUOTED.search(query)
    if quoted:
        at.fail(
            f"'{{{quoted.group(1)}}}' stands in quotes: values are sent as parameters, write "
            f"{{{quoted.group(1)}}}"
        )
    at.places(query, known)


def _invariants(at: At, file: TargetFile) -> None:
    names: set[str] = set()
    known = [*file.observe, *COUNTED]
    for number, invariant in enumerate(file.invariants, start=1):
        here = at / f"[[invariants]] {number}"
        if not invariant.name.strip():
            (here / "name").fail("expected a name that reports can show")
        if invariant.name in names:
            (here / "name").fail(f"there is another one called {invariant.name!r}")
        names.add(invariant.name)
        if bool(invariant.check) == bool(invariant.always):
            here.fail(
                "expected either check = 'charges <= 1', of what is found once all is over, or "
                "always = 'picked <= 1', which holds after each COMMIT as well"
            )
        key = here / ("check" if invariant.check else "always")
        try:
            expression = parse(invariant.condition)
        except BadExpression as error:
            key.fail(str(error))
        for name in sorted(expression.names):
            key.known(name, known, "name")
        for name in sorted(expression.before):
            key.known(name, file.observe, "observation in before.NAME")
        if not (expression.names | expression.before) & set(file.observe):
            key.fail(
                f"{invariant.condition!r} rests on no value of [observe]: what a service answers "
                "is not enough to judge it by"
            )
        if invariant.always:
            _at_any_time(key, expression, file)


def _at_any_time(at: At, expression: Expression, file: TargetFile) -> None:
    if "successes" in expression.names:
        at.fail("who succeeded is known once all is over: use check for what rests on successes")
    for name in sorted(expression.names & set(file.observe)):
        if file.observe[name].stripe:
            at.fail(
                f"{name} is looked up at Stripe, and always looks after each COMMIT: use values "
                "that [observe] looks up by SQL, or check"
            )
