"""The spending on trying what a complete search relied on."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.validate.whole import SAMPLE

MOST_TRYING_S = 60.0
"""Seconds that a search with every try as a step may take, however long the one before took."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The budget for trying what a complete search relied on.

    By default (``seconds`` is None) as much time as the search took, and ``least`` seconds in any
    case; never more than is left of the search's budget, unless it has a share ``beside`` that.
    ``executions`` bounds their number, ``sample`` that of schedules drawn at random. ``tries`` is
    how many times as long another search may take, in which each try for a lock is a step: one that
    is tried for ten times takes about ten times as many executions.
    """

    seconds: float | None = None
    executions: int | None = None
    least: float = 2.0
    sample: int = SAMPLE
    tries: float = 12.0
    beside: bool = False

    def deadline(self, search_s: float, left: float | None) -> float:
        """Return when it ends, if it begins now and ``left`` seconds are left."""
        seconds = max(self.least, search_s) if self.seconds is None else self.seconds
        if left is not None and not self.beside:
            seconds = min(seconds, max(0.0, left))
        return time.monotonic() + seconds

    def each_try(self, search_s: float, left: float | None) -> float:
        """Return how many seconds may be spent on a search in which each of many tries is a step,
        if the one in which they were not took ``search_s`` and ``left`` seconds are left."""
        seconds = min(max(self.least, self.tries * search_s), MOST_TRYING_S)
        return seconds if left is None or self.beside else min(seconds, max(0.0, left))


def validation_of(text: str | None) -> Validation | None:
    """Return how much to validate, as a person writes it: ``30s``, ``2m``, ``100`` executions,
    ``off``.

    Raises ``UsageError``.
    """
    if text is None:
        return Validation()
    if text == "off":
        return None
    unit = text[-1:] if text.endswith(("s", "m")) else ""
    number = text.removesuffix(unit)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?" if unit else r"[0-9]+", number):
        raise UsageError(
            "--validate: expected a time (30s, 2m), a number of executions (100), or off, "
            f"got {text!r}"
        )
    if unit:
        return Validation(seconds=float(number) * (60 if unit == "m" else 1))
    return Validation(seconds=math.inf, executions=int(number))
