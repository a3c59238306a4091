"""Puts a history to checkers, so that no verdict says more than the history can bear."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping

import msgspec

from paidonce.harness.capability import CAPABILITY_MEANING, Capability
from paidonce.harness.checkers.base import Checker
from paidonce.harness.errors import UsageError
from paidonce.harness.history import History
from paidonce.harness.verdict import Status, Verdict


def judge_with(checkers: Iterable[Checker], history: History) -> tuple[Verdict, ...]:
    """One verdict per checker, in their order. Never raises because of a checker.

    A lacking capability or a crash makes a verdict UNKNOWN; so does a history that was cut off
    make a VALID, since what follows is missing. INVALID stands: what was seen was seen.
    """
    return tuple(_judge_one(checker, history) for checker in checkers)


def select(registry: Mapping[str, Checker], names: Iterable[str]) -> tuple[Checker, ...]:
    """The checkers of these names, each once. Raises ``UsageError`` naming the choices."""
    found: dict[str, Checker] = {}
    for name in names:
        if name not in registry:
            raise UsageError(f"unknown checker {name!r}; choose from {', '.join(registry)}")
        found[name] = registry[name]
    return tuple(found.values())


def _judge_one(checker: Checker, history: History) -> Verdict:
    lacking = _lacking(checker, history)
    if lacking:
        ways = " or ".join(" and ".join(_explain(name) for name in names) for names in lacking)
        return Verdict(
            checker=checker.name,
            status=Status.UNKNOWN,
            reason=f"this run cannot judge it: lacking {ways}",
            missing=tuple(c.value for c in Capability if any(c in names for names in lacking)),
        )
    try:
        verdict = checker.check(history)
    except Exception as error:  # of whatever kind: a crash decides nothing
        return Verdict(
            checker=checker.name,
            status=Status.UNKNOWN,
            reason=f"the checker crashed: {type(error).__name__}: {error}",
            details={"traceback": traceback.format_exc()},
        )
    if verdict.status is Status.VALID and not history.complete:
        return msgspec.structs.replace(
            verdict,
            status=Status.UNKNOWN,
            reason=f"history was cut off; up to there: {verdict.reason}",
        )
    return verdict


def can_judge(checker: Checker, history: History) -> bool:
    """Return whether a run had what the checker needs."""
    return not _lacking(checker, history)


def _lacking(checker: Checker, history: History) -> list[list[Capability]]:
    """Return what each set of capabilities the checker needs lacks in the history; nothing if one
    of them is there."""
    present = frozenset(history.header.capabilities)
    lacking = [sorted(alternative - present) for alternative in checker.needs]
    return lacking if all(lacking) else []


def _explain(capability: Capability) -> str:
    return f"{capability} ({CAPABILITY_MEANING[capability]})"
