"""Student's distribution: how far a mean of few measurements may be off. Pure."""

from __future__ import annotations

import math

_TINY = 1e-300
_STEPS = 300
_CLOSE = 1e-14
_NEAR = 1e-11


def survival(t: float, freedom: float) -> float:
    """The chance of more than ``t`` with ``freedom`` degrees of freedom.

    By the regularised incomplete beta function (Abramowitz & Stegun 26.7.1).
    """
    tail = 0.5 * _beta(freedom / (freedom + t * t), freedom / 2, 0.5)
    return tail if t >= 0 else 1.0 - tail


def quantile(p: float, freedom: float) -> float:
    """The ``t`` that is exceeded with a chance of ``1 - p``; ``p`` is between 0 and 1."""
    if p < 0.5:
        return -quantile(1 - p, freedom)
    low, high = 0.0, 1.0
    while survival(high, freedom) > 1 - p:
        high *= 2
    while high - low > _NEAR * high:
        middle = (low + high) / 2
        if survival(middle, freedom) > 1 - p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function (NIST DLMF 8.17.22, by Lentz's method)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta(1.0 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away(1.0 + factor * d)
            c = _away(1.0 + factor / c)
            found *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return front * found / a


def _away(value: float) -> float:
    """Not zero."""
    return value if abs(value) > _TINY else _TINY
