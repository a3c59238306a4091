"""Where a moment is drawn: true to scale where it can be read, stretched where it cannot. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise
from math import sqrt


class TimeScale:
    """Maps times to positions from ``left`` to ``right``, in order and at least ``apart`` apart.

    Where that can be had to scale, it is. Otherwise every span between two neighbouring moments
    gets ``apart``, and what room is left is shared by the square root of the spans' lengths, so
    that long still looks long but ten seconds of waiting do not hide ten milliseconds of race.
    ``stretched`` tells which it was. Where room is short ``apart`` gives way.
    """

    def __init__(self, times: Iterable[int], left: float, right: float, apart: float) -> None:
        self.times = sorted(set(times)) or [0]
        self.stretched = False
        gaps = [b - a for a, b in pairwise(self.times)]
        room = right - left
        self._places = [left]
        if not gaps:
            return
        apart = min(apart, room / len(gaps))
        widths = [gap / sum(gaps) * room for gap in gaps]
        if min(widths) < apart:
            self.stretched = True
            roots = [sqrt(gap) for gap in gaps]
            spare = room - apart * len(gaps)
            widths = [apart + spare * root / sum(roots) for root in roots]
        for width in widths:
            self._places.append(self._places[-1] + width)

    def __call__(self, t: int) -> float:
        """The position of ``t``; what lies outside is put at the nearer end."""
        if t <= self.times[0]:
            return self._places[0]
        if t >= self.times[-1]:
            return self._places[-1]
        at = bisect_right(self.times, t) - 1
        start, end = self.times[at], self.times[at + 1]
        share = (t - start) / (end - start)
        return self._places[at] + share * (self._places[at + 1] - self._places[at])
