"""Which orders the clients of a load run pick: how much they get in each other's way. Pure."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from paidonce.harness.errors import UsageError

FORMS = "hot, hot:N, zipf:S, zipf:S:N or distinct"
MOST_PLACES = 10_000
MOST_EXPONENT = 10.0
_ZIPF_PLACES = 100


@dataclass(frozen=True)
class Contention:
    """``hot:N``: all fight over N orders, each as often. ``zipf:S:N``: over N orders of which the
    k-th is picked in proportion to 1/k^S (S of 0: all alike; about 1: as popularity is mostly
    found to be). ``distinct``: everybody has an order of their own.

    N counts for each Locust process: no order is ever shared by two, so that no two machines'
    clocks have to agree for a verdict on it. An order that is paid is replaced by a new one.
    """

    kind: str
    places: int = 0
    exponent: float = 0.0

    @property
    def cumulative(self) -> tuple[float, ...]:
        """The summed weights of the places, one for each."""
        weights = (1 / rank**self.exponent for rank in range(1, self.places + 1))
        return tuple(itertools.accumulate(weights))

    def __str__(self) -> str:
        if self.kind == "distinct":
            return self.kind
        shape = f":{self.exponent:g}" if self.kind == "zipf" else ""
        return f"{self.kind}{shape}:{self.places}"


DISTINCT = Contention("distinct")
TWO_HOT = Contention("hot", 2)


def contention(text: str, flag: str = "--contention") -> Contention:
    """Return the contention that ``text`` names. Raises ``UsageError`` naming ``flag`` and what may
    be written."""
    kind, *rest = text.strip().split(":")
    try:
        if kind == "distinct" and not rest:
            return DISTINCT
        if kind == "hot" and len(rest) <= 1:
            return _checked(Contention("hot", int(rest[0]) if rest else 1), flag, text)
        if kind == "zipf" and 1 <= len(rest) <= 2:
            places = int(rest[1]) if len(rest) == 2 else _ZIPF_PLACES
            return _checked(Contention("zipf", places, float(rest[0])), flag, text)
    except ValueError:
        pass
    raise UsageError(
        f"{flag}: expected {FORMS} (N orders, S the exponent of Zipf's law), got {text!r}"
    )


def _checked(found: Contention, flag: str, text: str) -> Contention:
    if not 1 <= found.places <= MOST_PLACES:
        raise UsageError(f"{flag}: expected 1 to {MOST_PLACES} orders, got {text!r}")
    if not (math.isfinite(found.exponent) and 0 <= found.exponent <= MOST_EXPONENT):
        raise UsageError(f"{flag}: expected an exponent of 0 to {MOST_EXPONENT:g}, got {text!r}")
    return found
