"""Three-valued verdicts: VALID, INVALID (with evidence) or UNKNOWN (with the reason).

The convention is Jepsen's (https://github.com/jepsen-io/jepsen, ``jepsen.checker``): what could
not be decided is neither passed nor failed, and merging lets the worst answer win, where
INVALID is worse than UNKNOWN and UNKNOWN worse than VALID.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

import msgspec


class Status(enum.StrEnum):
    """The conclusions that a checker can come to."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """0 valid, 1 invalid, 3 unknown (2 is kept for bad usage)."""
        return _EXIT_CODES[self]


_EXIT_CODES = {Status.VALID: 0, Status.INVALID: 1, Status.UNKNOWN: 3}
_SEVERITY = {Status.VALID: 0, Status.UNKNOWN: 1, Status.INVALID: 2}


class Violation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way in which a history breaks a rule: in words for people, in data for everything else.

    ``title`` is what the user calls that which is broken: an invariant of a target, and the attempt
    it is broken for. It is empty where the checker's own name says it. ``reason`` is one sentence
    that does not say the title again. ``rule`` is what is broken, ``whose`` the attempt (empty:
    nobody's in particular), ``values`` what was observed, by name. ``evidence`` holds positions
    in ``History.events`` in the order a person should read them. ``absence`` tells that it rests on
    something *not* being recorded, which proves nothing where the record has gaps.
    """

    title: str = ""
    reason: str = ""
    rule: str = ""
    whose: str = ""
    values: dict[str, str] = {}
    evidence: tuple[int, ...] = ()
    absence: bool = False

    @property
    def words(self) -> str:
        """Return the reason, with the title before it where there is one."""
        return f"{self.title}: {self.reason}" if self.title else self.reason


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A checker that found an execution invalid, why, and by what, in order.

    ``violations`` are called ``findings`` in files; those of an older file may be without words.
    """

    checker: str
    reason: str
    violations: tuple[Violation, ...] = msgspec.field(default=(), name="findings")

    @property
    def words(self) -> str:
        """Return the checker's name and its reason."""
        return f"{self.checker}: {self.reason}"

    @property
    def ruled(self) -> tuple[Violation, ...]:
        """The violations that say by which rule, so that they can be compared."""
        return tuple(violation for violation in self.violations if violation.rule)

    @property
    def titled(self) -> tuple[Violation, ...]:
        """The violations of what the user gave a name."""
        return tuple(violation for violation in self.violations if violation.title)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One checker's conclusion about one history.

    ``evidence`` holds positions (0-based indexes into ``History.events``) of the events that
    prove an INVALID, in the order a person should read them; it may be empty otherwise.
    ``reason`` is one sentence in plain words, with the numbers and ids that matter.
    ``violations`` are what an INVALID rests on: all that say by which rule, and the first few of
    the others. ``missing`` are the capabilities for want of which alone it could not be judged.
    """

    checker: str
    status: Status
    reason: str
    evidence: tuple[int, ...] = ()
    violations: tuple[Violation, ...] = ()
    missing: tuple[str, ...] = ()
    details: dict[str, Any] = {}

    @property
    def words(self) -> str:
        """Return the checker's name and its reason."""
        return f"{self.checker}: {self.reason}"

    @property
    def broken(self) -> Broken:
        """The same, without status and evidence."""
        return Broken(checker=self.checker, reason=self.reason, violations=self.violations)


def merge(statuses: Iterable[Status]) -> Status:
    """The worst of several conclusions; VALID when there are none to merge is refused.

    Raises ``ValueError`` on an empty input: nothing checked is not the same as valid.
    """
    found = list(statuses)
    if not found:
        raise ValueError("no verdicts to merge: a run that checked nothing has no verdict")
    return max(found, key=_SEVERITY.__getitem__)
