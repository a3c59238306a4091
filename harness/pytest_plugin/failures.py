"""The errors with which a test of ours fails, and how pytest shows them."""

from __future__ import annotations

from typing import Any

import pytest


class RaceFound(AssertionError):
    """An invariant broke. ``summary`` is its one line, the message the whole story.

    To be used as ``pytest.mark.xfail(raises=RaceFound, strict=True)`` where a race is known.
    """

    def __init__(self, summary: str, told: str) -> None:
        super().__init__(told)
        self.summary = summary


class NotDecided(AssertionError):
    """It could not be decided, and ``paidonce_unknown`` is ``fail``; or a declared race was not
    found."""

    def __init__(self, summary: str, told: str) -> None:
        super().__init__(told)
        self.summary = summary


class CannotCheck(Exception):
    """It could not be checked at all: a wrong file, or something that is missing here."""

    def __init__(self, summary: str) -> None:
        super().__init__(f"paidonce: {summary}")
        self.summary = summary


def shown(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    """A failure of ours as pytest shows one; None where it is another's.

    It is of pytest's own kind, which pytest-xdist carries over and the JUnit report reads.
    """
    error = excinfo.value
    if not isinstance(error, RaceFound | NotDecided | CannotCheck):
        return None
    told = excinfo.getrepr(style="value")
    crash = told.reprcrash
    if crash is not None:
        path, line, _ = item.location
        crash.path, crash.lineno = path, (line or 0) + 1
        crash.message = f"{type(error).__name__}: {error.summary}"
    return told
