"""Names for generated ids that a reader can keep apart: payment A, the order's id, short ids."""

from __future__ import annotations

import re
from collections.abc import Mapping

from paidonce.reports.words import short_id

_GENERATED = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\b(?:pi|ch|re|py|pm|cus|evt|req|seti|txn|src|tok)_[A-Za-z0-9_]{12,}"
    r"|\b(?=[A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{24,}\b"
)


class Naming:
    """``payments`` are the letters of payment ids; ``order`` is the order's id."""

    def __init__(self, payments: Mapping[str, str], order: str) -> None:
        self._payments = payments
        self._order = order

    def value(self, value: str | None, width: int = 28) -> str:
        """A value of a column or a parameter."""
        if value is None:
            return "null"
        if value in self._payments:
            return f"payment {self._payments[value]}"
        if value == self._order:
            return "this order"
        text = self.text(value)
        return text if len(text) <= width else text[: width - 1] + "…"

    def text(self, text: str) -> str:
        """``text`` with every long id shortened, payments with their letter."""
        return _GENERATED.sub(lambda match: self._short(match.group()), text)

    def _short(self, identifier: str) -> str:
        letter = self._payments.get(identifier)
        short = short_id(identifier)
        return f"{short}[{letter}]" if letter else short
