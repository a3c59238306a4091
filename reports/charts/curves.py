"""A plot with several curves as data, drawn twice: as SVG (``curve_svg``), and by script.

Pure data. Both drawings are made from the same numbers, so that a page says the same with and
without JavaScript.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """``low`` and ``high`` are the least and the most of several measurements; None of one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One line. ``colour`` is its number in the style sheet; ``below`` marks it as vulnerable, and
    ``mark`` is what else is to be said where it is named ("broke")."""

    name: str
    points: tuple[Point, ...]
    colour: int = 0
    below: bool = False
    mark: str = ""

    @property
    def words(self) -> str:
        """The name, with what is to be said of it."""
        return f"{self.name}, {self.mark}" if self.mark else self.name


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """Curves over one axis. ``unit`` is of ``y``.

    With ``categories`` the places on the x axis are 0, 1, 2 … and have these names. ``bound`` is a
    horizontal line, with its words. ``area`` draws the curves on top of each other, filled: parts
    of a whole. ``top`` is where the y axis ends, for plots that are to be compared.
    """

    title: str
    note: str
    x_label: str
    y_label: str
    unit: str
    curves: tuple[Curve, ...]
    x_log: bool = False
    y_log: bool = False
    categories: tuple[str, ...] = ()
    bound: tuple[float, str] | None = None
    area: bool = False
    top: float | None = None

    @property
    def xs(self) -> tuple[float, ...]:
        """All places that any curve has a point at, in order."""
        return tuple(sorted({point.x for curve in self.curves for point in curve.points}))


def as_data(plot: Plot) -> dict[str, Any]:
    """The plot for ``plot.js``: ``series`` have a value, or null, for each of ``xs``."""
    xs = plot.xs
    series = []
    for curve in plot.curves:
        at = {point.x: point for point in curve.points}
        points = [at.get(x) for x in xs]
        one: dict[str, Any] = {
            "name": curve.name,
            "words": curve.words,
            "colour": curve.colour,
            "below": curve.below,
            "ys": [None if point is None else _short(point.y) for point in points],
        }
        if any(point.low is not None for point in curve.points):
            one["low"] = [None if p is None or p.low is None else _short(p.low) for p in points]
            one["high"] = [None if p is None or p.high is None else _short(p.high) for p in points]
        series.append(one)
    return {
        "title": plot.title,
        "x": {"label": plot.x_label, "log": plot.x_log, "names": list(plot.categories)},
        "y": {"label": plot.y_label, "log": plot.y_log, "unit": plot.unit},
        "xs": [_short(x) for x in xs],
        "series": series,
        "bound": None if plot.bound is None else {"y": plot.bound[0], "words": plot.bound[1]},
        "area": plot.area,
        "top": plot.top,
    }


def _short(value: float) -> float:
    """Four figures are more than a plot shows."""
    return float(f"{value:.4g}")
