"""Mistakes in a target file, told with their place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from paidonce.harness.errors import UsageError
from paidonce.harness.targets.file.placeholders import names_in

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class At:
    """A place in a target file: the file, and the key in it."""

    file: str
    key: str = ""

    def __truediv__(self, key: str) -> At:
        return At(self.file, f"{self.key}, {key}" if self.key else key)

    def fail(self, text: str) -> NoReturn:
        """Raises ``UsageError``: something is wrong here."""
        raise UsageError(f"{self.file}, {self.key}: {text}" if self.key else f"{self.file}: {text}")

    def known(self, wanted: str, known: Iterable[str], what: str) -> None:
        """Raises ``UsageError`` unless ``wanted`` is one of those known."""
        names = list(known)
        if wanted in names:
            return
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names) or 'none'}"
        self.fail(f"unknown {what} {wanted!r}; {hint}")

    def places(self, value: object, known: Iterable[str]) -> None:
        """Raises ``UsageError`` where a placeholder in ``value`` is none of those known."""
        names = list(known)
        for name in names_in(value):
            self.known(name, names, "placeholder")

    def regex(self, text: str) -> None:
        """Raises ``UsageError`` unless it is a regex."""
        try:
            re.compile(text)
        except re.error as error:
            self.fail(f"{text!r} is not a regex: {error}")

    def identifier(self, text: str) -> None:
        """Raises ``UsageError`` unless it can be a name in placeholders and conditions."""
        if not IDENTIFIER.fullmatch(text):
            self.fail(f"expected a name of letters, digits and _, got {text!r}")
