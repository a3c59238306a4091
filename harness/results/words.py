"""Counts and lists in words, for what is said of results."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLUMNS = re.compile(r"\bSELECT (?:(?!\bFROM\b)[^']){40,}?\bFROM ", re.IGNORECASE)


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """``count(1, "guard")`` is "1 guard", ``count(3, "guard")`` "3 guards"."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], limit: int = 4) -> str:
    """ "a, b and c"; past ``limit`` names "a, b, c and 5 more"."""
    if len(names) > limit:
        return f"{', '.join(names[: limit - 1])} and {len(names) - limit + 1} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def gist(sql: str) -> str:
    """Return a statement, or a step's label that has it, without its long lists of columns: where
    it looks says more than that."""
    return _COLUMNS.sub("SELECT … FROM ", sql)


def quoted(label: str) -> str:
    """Return the gist of a step's label as it is quoted in a sentence."""
    return repr(gist(label))
