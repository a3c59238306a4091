"""A checker: the interface of all, and how they state what they found."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from paidonce.harness.capability import Capability
from paidonce.harness.history import History
from paidonce.harness.verdict import Status, Verdict, Violation

Needs = tuple[frozenset[Capability], ...]
NOTHING: Needs = (frozenset(),)
"""Needs no capability: every history holds what this checker looks at."""

_SHOWN = 20
"""How many violations that name no rule a verdict keeps; all are counted."""


class BrokenBy(enum.Enum):
    """The event by which a rule is broken, as far as a story can point at it."""

    SECOND_CHARGE = "the second call that took money"
    SECOND_INTENT = "the second call that made a payment intent"
    ANSWER = "the last answer in evidence"
    WRITE = "the last commit that changed the order"


@dataclass(frozen=True, kw_only=True)
class Telling:
    """The words for what a checker finds, and the runs in which it is asked without being named.

    ``broke`` says what happened, for the moment of ``broken_by``: "one order is charged a second
    time"; empty says it by the checker's name. Of several that broke, the one of most ``weight``
    is told, since a reader understands it soonest. ``stakes`` ranks the runs of which a report
    shows one: how plainly a timeline of it shows what is at stake. ``of_load``, ``of_targets`` and
    ``of_recovery``: it judges every run of load, every run of a target file, and every run that
    had to recover. ``liveness``: what it asks is whether the good comes in the end, not whether
    the bad ever happens. ``table`` is the table of a target
    file that asks for it, where its findings bear its own name and not one that the file gives.
    """

    broke: str = ""
    weight: int = 0
    stakes: int = 0
    broken_by: BrokenBy = BrokenBy.WRITE
    of_load: bool = False
    of_targets: bool = False
    of_recovery: bool = False
    liveness: bool = False
    table: str = ""


class Checker(Protocol):
    """A question put to a history.

    ``judge`` sees to it that ``check`` is only called on a history that has one of the sets of
    capabilities it needs.
    """

    @property
    def name(self) -> str:
        """Kebab-case, and unique."""

    @property
    def title(self) -> str:
        """The rule as a person would say it."""

    @property
    def needs(self) -> Needs:
        """Any one of these sets of capabilities is enough."""

    @property
    def telling(self) -> Telling:
        """Return how what it finds is told, and in which runs it is asked without being named."""

    def check(self, history: History) -> Verdict:
        """The verdict on ``history``; it may be INVALID or UNKNOWN whatever was cut off."""


def conclude(
    checker: str,
    history: History,
    *,
    fine: str,
    violations: Sequence[Violation] = (),
    doubts: Sequence[str] = (),
    gaps: Sequence[str] = (),
    details: dict[str, Any] | None = None,
    all_told: bool = False,
) -> Verdict:
    """The verdict that follows from what was found.

    A violation makes it INVALID whatever else is in doubt; without one, a doubt makes it
    UNKNOWN; with neither it is VALID for the reason ``fine``. ``gaps`` are doubts of the kind
    that something recorded is missing from the picture, so that absence proves nothing.
    ``details`` gains the ``count`` of violations. The sentence tells the first of them, or, with
    ``all_told``, every one.
    """
    if not history.complete:
        gaps = ["history was cut off", *gaps]
    proven = [violation for violation in violations if not (gaps and violation.absence)]
    unproven = [violation.words for violation in violations if gaps and violation.absence]
    more = dict(details or {})
    if proven:
        more["count"] = len(proven)
        told = proven if all_told else proven[:1]
        positions = [at for violation in told for at in violation.evidence]
        return Verdict(
            checker=checker,
            status=Status.INVALID,
            reason="; ".join(violation.words for violation in told)
            + _and_more(len(proven) - len(told)),
            evidence=tuple(positions if len(told) == 1 else sorted(set(positions))),
            violations=tuple(v for n, v in enumerate(proven) if v.rule or n < _SHOWN),
            details=more,
        )
    # That a history was cut off turns a VALID into an UNKNOWN elsewhere, for every checker.
    missing = [gap for gap in gaps if history.complete]
    doubtful = [*doubts, *missing, *(f"{gaps[0]}, and {reason}" for reason in unproven)]
    if doubtful:
        reason = doubtful[0] + _and_more(len(doubtful) - 1)
        return Verdict(checker=checker, status=Status.UNKNOWN, reason=reason, details=more)
    return Verdict(checker=checker, status=Status.VALID, reason=fine, details=more)


def _and_more(count: int) -> str:
    return f" (and {count} more)" if count else ""


def some(count: int, thing: str) -> str:
    """``count`` things in words: "1 order", "3 orders"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
