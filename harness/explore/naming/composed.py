"""Finds known values within texts that were composed of them: ``po-17``, ``lock:order:17``.

A short word is found only where it stands by itself: 17 is not in 170, nor ``paid`` in
``unpaid``. A
number of four digits or more is also found next to letters, and behind zeros that fill it up
(``INV000730411``). What is long and has letters in it is nobody else's wherever it stands. How much
is found is a matter of how much a search can leave out, not of what is true (see ``names``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LONG_NUMBER = 4
_LONG_WORD = 8


class Words:
    """Known values with their names."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = {value: name for value, name in known.items() if value}
        self._pattern: re.Pattern[str] | None = None

    def named(self, text: str) -> str:
        """``text`` with the known values in it by their names."""
        for value in self._known:
            if value in text:
                break
        else:  # as nearly always
            return text
        if self._pattern is None:
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_word, longest_first)))
        return self._pattern.sub(lambda match: self._name(match.group()), text)

    def _name(self, found: str) -> str:
        return self._known[found] if found in self._known else self._known[found.lstrip("0")]


def _word(value: str) -> str:
    word = re.escape(value)
    if value.isdigit() and value.isascii() and len(value) >= _LONG_NUMBER:
        filled = "" if value.startswith("0") else "0*"
        return rf"(?<![0-9]){filled}{word}(?![0-9])"
    if len(value) >= _LONG_WORD and not value.isdigit():
        return rf"{word}(?![0-9])" if value[-1].isdigit() else word
    return rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])"
