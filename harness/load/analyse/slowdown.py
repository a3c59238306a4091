"""Slowdowns: how much longer something takes than before, between which bounds. Pure.

Each side is some measurements: the logarithm of a time, and that of the machine's speed just then.
How much of a change of the machine is a change of the time is not known beforehand. A service that
computes is slower by all of it; one that waits for somebody else's answer by none, and to take the
machine's change out of that one would invent a slowdown where the machine was only faster. So the
*share* that counts lies between two bounds: the least is what the measurements themselves vouch
for, the lower bound of the slope of times on the machine's slowness within either side (the slope
of an analysis of covariance; what the machine's measurement scatters by itself only makes it less,
Fuller, *Measurement Error Models*, 1987, section 1.1), the most is all of it. What is said holds
for every share between (an intersection-union test: Berger, *Multiparameter hypothesis testing and
acceptance sampling*, Technometrics 24, 1982).

For a given share, times are compared by Welch's test, which does not take both sides to scatter
alike (*The generalization of "Student's" problem when several different population variances are
involved*, Biometrika 34, 1947).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from paidonce.harness.load.analyse.student import quantile, survival


@dataclass(frozen=True)
class Side:
    """Measurements of one run: logarithms of times and, where it was measured, of how fast the
    machine was in each."""

    times: tuple[float, ...]
    speeds: tuple[float, ...] = ()

    def relative(self, share: float) -> tuple[float, ...]:
        """The times with that share of the machine's slowness taken out."""
        if not self.speeds or not share:
            return self.times
        return tuple(
            time + share * speed for time, speed in zip(self.times, self.speeds, strict=True)
        )


@dataclass(frozen=True)
class Slowdown:
    """``after`` beside ``before``, each of two measurements or more. Differences are logarithms
    of how many times as long it takes. ``certainty`` is that of the least share."""

    before: Side
    after: Side
    certainty: float = 0.95

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """The least and the largest share of the machine's change that may count."""
        if not (self.before.speeds and self.after.speeds):
            return (0.0,)
        slope = _slope(self.before, self.after)
        if slope is None:
            return (0.0, 1.0)
        least = slope.value - quantile(self.certainty, slope.freedom) * slope.error
        return (min(max(least, 0.0), 1.0), 1.0)

    @property
    def difference(self) -> float:
        """In the middle of the two shares."""
        return statistics.fmean(_Welch.of(self, share).difference for share in self.shares)

    def p_beyond(self, least: float) -> float:
        """The chance of a difference like this where the slowdown is ``least``."""
        return max(_Welch.of(self, share).p_beyond(least) for share in self.shares)

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Below and above which the difference is with a chance of ``alpha`` each.

        The bounds of the two extreme shares hold for those between: a difference is linear in the
        share and its error convex.
        """
        each = [_Welch.of(self, share).bounds(alpha) for share in self.shares]
        return min(low for low, _ in each), max(high for _, high in each)


@dataclass(frozen=True)
class _Slope:
    value: float
    error: float
    freedom: float


def _slope(*sides: Side) -> _Slope | None:
    """Of times on the machine's slowness, within each side; None where nothing can be told."""
    slow = [-speed for speed in _centred([side.speeds for side in sides])]
    times = _centred([side.times for side in sides])
    freedom = len(times) - len(sides) - 1
    spread = math.fsum(x * x for x in slow)
    if freedom < 1 or not spread:
        return None
    value = math.fsum(x * y for x, y in zip(slow, times, strict=True)) / spread
    left = math.fsum((y - value * x) ** 2 for x, y in zip(slow, times, strict=True))
    return _Slope(value, math.sqrt(left / freedom / spread), freedom)


def _centred(groups: Sequence[Sequence[float]]) -> list[float]:
    """All values, each by how far it is from the mean of its group."""
    found: list[float] = []
    for group in groups:
        mean = statistics.fmean(group)
        found += [value - mean for value in group]
    return found


@dataclass(frozen=True)
class _Welch:
    before: tuple[float, ...]
    after: tuple[float, ...]

    @classmethod
    def of(cls, slowdown: Slowdown, share: float) -> _Welch:
        return cls(slowdown.before.relative(share), slowdown.after.relative(share))

    @property
    def difference(self) -> float:
        return statistics.fmean(self.after) - statistics.fmean(self.before)

    @property
    def error(self) -> float:
        """The difference's standard error; never quite nothing, as clocks are not that good."""
        return max(math.sqrt(sum(self._parts())), 1e-6)

    @property
    def freedom(self) -> float:
        """Degrees of freedom (Welch & Satterthwaite)."""
        one, other = self._parts()
        if not one + other:
            return float(len(self.before) + len(self.after) - 2)
        parts = one**2 / (len(self.before) - 1) + other**2 / (len(self.after) - 1)
        return (one + other) ** 2 / parts

    def _parts(self) -> tuple[float, float]:
        return (
            statistics.variance(self.before) / len(self.before),
            statistics.variance(self.after) / len(self.after),
        )

    def p_beyond(self, least: float) -> float:
        return survival((self.difference - least) / self.error, self.freedom)

    def bounds(self, alpha: float) -> tuple[float, float]:
        far = quantile(1 - alpha, self.freedom) * self.error
        return self.difference - far, self.difference + far
