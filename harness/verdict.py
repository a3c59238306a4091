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
    """What a checker concluded."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """0 valid, 1 invalid, 3 unknown (2 is kept for bad usage)."""
        return _EXIT_CODES[self]


_EXIT_CODES = {Status.VALID: 0, Status.INVALID: 1, Status.UNKNOWN: 3}
_SEVERITY = {Status.VALID: 0, Status.UNKNOWN: 1, Status.INVALID: 2}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One checker's conclusion about one history.

    ``evidence`` holds positions (0-based indexes into ``History.events``) of the events that
    prove an INVALID, in the order a person should read them; it may be empty otherwise.
    ``reason`` is one sentence in plain words, with the numbers and ids that matter.
    """

    checker: str
    status: Status
    reason: str
    evidence: tuple[int, ...] = ()
    details: dict[str, Any] = {}


def merge(statuses: Iterable[Status]) -> Status:
    """The worst of several conclusions; VALID when there are none to merge is refused.

    Raises ``ValueError`` on an empty input: nothing checked is not the same as valid.
    """
    found = list(statuses)
    if not found:
        raise ValueError("no verdicts to merge: a run that checked nothing has no verdict")
    return max(found, key=_SEVERITY.__getitem__)
