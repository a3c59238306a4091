"""Durations that vary: as one writes them on a command line, and as they are drawn. Pure."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from paidonce.harness.errors import UsageError

FORMS = "5, uniform:1,9, exponential:5 (its mean) or lognormal:5,0.5 (its median and sigma)"
MOST_SIGMA = 5.0
_NUMBERS = {"fixed": 1, "uniform": 2, "exponential": 1, "lognormal": 2}


@dataclass(frozen=True)
class Spread:
    """One of ``fixed:A``, ``uniform:LOW,HIGH``, ``exponential:MEAN``, ``lognormal:MEDIAN,SIGMA``.

    The unit is that of whoever asks. A lognormal's ``SIGMA`` is the standard deviation of the
    logarithm (0.5: two thirds are between 0.6 and 1.65 times the median); measured latencies of
    services on a network look like one.
    """

    kind: str
    values: tuple[float, ...]

    def sample(self, chance: random.Random) -> float:
        """A value, never negative."""
        first = self.values[0]
        if self.kind == "uniform":
            return chance.uniform(first, self.values[1])
        if self.kind == "exponential":
            return chance.expovariate(1 / first)
        if self.kind == "lognormal":
            return chance.lognormvariate(math.log(first), self.values[1])
        return first

    def as_simulated(self) -> dict[str, Any]:
        """As the Stripe simulator's control API takes it; the unit is a millisecond."""
        first = self.values[0]
        if self.kind == "uniform":
            return {"kind": "uniform", "low_ms": first, "high_ms": self.values[1]}
        if self.kind == "exponential":
            return {"kind": "exponential", "mean_ms": first}
        if self.kind == "lognormal":
            return {"kind": "lognormal", "median_ms": first, "sigma": self.values[1]}
        return {"kind": "fixed", "ms": first}

    def __str__(self) -> str:
        numbers = ",".join(f"{value:g}" for value in self.values)
        return numbers if self.kind == "fixed" else f"{self.kind}:{numbers}"


def spread(text: str, flag: str, unit: str, most: float) -> Spread:
    """``text`` as a spread of values from 0 to ``most``, in ``unit`` ("milliseconds").

    Raises ``UsageError`` naming ``flag`` and what may be written.
    """
    kind, colon, rest = text.strip().partition(":")
    if not colon:
        kind, rest = "fixed", kind
    try:
        values = tuple(float(part) for part in rest.split(","))
    except ValueError:
        values = ()
    if len(values) != _NUMBERS.get(kind):
        raise UsageError(f"{flag}: expected {unit}, as {FORMS}; got {text!r}")
    durations = values[:1] if kind == "lognormal" else values
    if not all(0 <= value <= most for value in durations):
        raise UsageError(f"{flag}: expected 0 to {most:g} {unit}, got {text!r}")
    if kind in ("exponential", "lognormal") and not values[0]:
        raise UsageError(f"{flag}: a mean or median must be more than 0 {unit}, got {text!r}")
    if kind == "uniform" and values[0] > values[1]:
        raise UsageError(f"{flag}: the lower bound comes first, got {text!r}")
    if kind == "lognormal" and not 0 <= values[1] <= MOST_SIGMA:
        raise UsageError(f"{flag}: expected a sigma of 0 to {MOST_SIGMA:g}, got {text!r}")
    return Spread(kind, values)
