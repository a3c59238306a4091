"""Draws a plot of curves as SVG, readable without any script: every curve is named at its end.

Pure. For a place about 560 pixels wide, ``area`` plots for one of 360.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from markupsafe import Markup

from paidonce.reports.charts.curves import Curve, Plot
from paidonce.reports.charts.svg import clipped, element, line, picture, text
from paidonce.reports.words import number

COLOURS = 12
"""Colours of curves in the style sheet: ``curve-0`` and so on."""
_WIDE, _SMALL = (560.0, 320.0), (380.0, 190.0)
_TOP, _BOTTOM, _LEFT = 12.0, 46.0, 60.0
_FONT, _APART = 11.5, 14.0

Place = Callable[[float], float]


def curve_picture(plot: Plot, identity: str) -> Markup:
    """The plot; ``identity`` must be unique in the page."""
    width, height = _SMALL if plot.area else _WIDE
    right = width - (12.0 if plot.area else 158.0)
    frame = _Places(plot, (_LEFT, right), (height - _BOTTOM, _TOP))
    parts = [*_grid(plot, frame, width, height)]
    parts += _areas(plot, frame) if plot.area else _lines(plot, frame, width)
    return picture(width, height, plot.title, told(plot), *parts, identity=identity)


def told(plot: Plot) -> str:
    """The numbers in words, for those who hear the page."""

    def at(x: float) -> str:
        return plot.categories[int(x)] if plot.categories else number(x)

    if plot.area:  # hundreds of points say nothing when they are read out
        means = (
            f"{curve.name}: {number(sum(p.y for p in curve.points) / len(curve.points))} on average"
            for curve in plot.curves
            if curve.points
        )
        return "; ".join(means)
    return "; ".join(
        f"{curve.words}: "
        + ", ".join(f"{at(point.x)}: {number(point.y)} {plot.unit}" for point in curve.points)
        for curve in plot.curves
    )


class _Places:
    """Turns values into places; what is logarithmic leaves out what is not above zero."""

    def __init__(
        self, plot: Plot, across: tuple[float, float], upwards: tuple[float, float]
    ) -> None:
        xs = plot.xs or (0.0,)
        tops = [p.high or p.y for curve in plot.curves for p in curve.points]
        if plot.area:
            tops = [sum(layer) for layer in zip(*_layers(plot), strict=True)]
        lows = [p.low if p.low is not None else p.y for c in plot.curves for p in c.points]
        if plot.bound is not None:
            tops.append(plot.bound[0])
        if plot.top is not None:
            tops.append(plot.top)
        if plot.categories:
            low, high = -0.15, len(plot.categories) - 0.85
        else:
            low, high = xs[0], xs[-1]
        self.x, self.x_ticks = _axis(low, high, across, plot.x_log, from_zero=False)
        if plot.categories:
            self.x_ticks = [float(place) for place in range(len(plot.categories))]
        positive = [low for low in lows if low > 0] or [1.0]
        least = min(positive) if plot.y_log else 0.0
        self.y, self.y_ticks = _axis(
            least, max(tops, default=1.0) or 1.0, upwards, plot.y_log, from_zero=True
        )
        self.left, self.right = across
        self.bottom, self.top = upwards
        self.least = least


def _axis(
    low: float, high: float, room: tuple[float, float], log: bool, *, from_zero: bool
) -> tuple[Place, list[float]]:
    if log:
        start = floor(log10(low) * 3) / 3 if low > 0 else 0.0
        end = max(log10(high), start + 0.3) + 0.02
        powers = range(floor(start) - 1, ceil(end) + 1)
        steps = [lead * 10.0**power for power in powers for lead in (1, 2, 5)]
        ticks = [tick for tick in steps if start - 1e-9 <= log10(tick) <= end]
        if len(ticks) > 8:
            ticks = [tick for tick in ticks if f"{tick:e}"[0] == "1"]

        def logarithmic(value: float) -> float:
            share = (log10(max(value, 10.0**start)) - start) / (end - start)
            return room[0] + share * (room[1] - room[0])

        return logarithmic, ticks
    low = 0.0 if from_zero else low
    span = (high - low) or 1.0
    step = next(
        s
        for power in itertools.count(floor(log10(span / 8)))
        for s in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
        if span / s <= 6
    )
    top = ceil(high / step - 1e-9) * step if from_zero else high
    ticks = [step * at for at in range(ceil(low / step), floor(top / step + 1e-9) + 1)]

    def linear(value: float) -> float:
        return room[0] + (value - low) / ((top - low) or 1.0) * (room[1] - room[0])

    return linear, ticks


def _grid(plot: Plot, frame: _Places, width: float, height: float) -> list[Markup]:
    parts = []
    for tick in frame.y_ticks:
        y = frame.y(tick)
        parts.append(line(frame.left, y, frame.right, y, "grid"))
        parts.append(text(frame.left - 7, y + 4, f"{tick:,g}", "tick", "end"))
    last = -100.0
    for tick in frame.x_ticks:
        words = plot.categories[int(tick)] if plot.categories else f"{tick:,g}"
        x = frame.x(tick)
        if x - last >= 7.0 * len(words) or plot.categories:
            parts.append(line(x, frame.bottom, x, frame.bottom + 4, "axis"))
            parts.append(text(x, frame.bottom + 17, words, "tick", "middle"))
            last = x
    parts.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    middle = (frame.left + frame.right) / 2
    parts.append(text(middle, height - 8, plot.x_label, "tick", "middle"))
    up = (frame.top + frame.bottom) / 2
    parts.append(
        element(
            "text",
            plot.y_label,
            class_="tick",
            text_anchor="middle",
            transform=f"translate(13 {up:.5g}) rotate(-90)",
        )
    )
    if plot.bound is not None:
        value, words = plot.bound
        parts.append(line(frame.left, frame.y(value), frame.right, frame.y(value), "divider"))
        parts.append(text(frame.left + 4, frame.y(value) - 5, words, "tick"))
    return parts


def _lines(plot: Plot, frame: _Places, width: float) -> list[Markup]:
    parts, ends = [], []
    for curve in plot.curves:
        places = [
            (frame.x(point.x), frame.y(point.y), point)
            for point in curve.points
            if point.y > 0 or not plot.y_log
        ]
        if not places:
            continue
        colour = f"curve-{curve.colour % COLOURS}" + (" below" if curve.below else "")
        path = " ".join(
            f"{'L' if at else 'M'}{x:.5g},{y:.5g}" for at, (x, y, _) in enumerate(places)
        )
        parts.append(element("path", d=path, class_=f"curve {colour}"))
        for x, y, point in places:
            if point.low is not None and point.high is not None:
                whisker = (frame.y(point.low), frame.y(point.high))
                parts.append(line(x, whisker[0], x, whisker[1], f"whisker {colour}"))
            said = f"{curve.name}: {number(point.y)} {plot.unit}"
            dot = element("title", said)
            parts.append(element("circle", dot, cx=x, cy=y, r=3.4, class_=f"point {colour}"))
        ends.append((places[-1][1], places[-1][0], curve, colour))
    return parts + _names(ends, frame, width)


def _names(
    ends: Sequence[tuple[float, float, Curve, str]], frame: _Places, width: float
) -> list[Markup]:
    """The names at the ends of their curves, pushed apart where they would lie on each other."""
    ordered = sorted(ends, key=lambda end: end[:2])
    heights: list[float] = []
    for y, *_ in ordered:
        heights.append(max(y, heights[-1] + _APART) if heights else max(y, frame.top))
    below = heights[-1] - (frame.bottom + 4) if heights else 0.0
    if below > 0:
        floor_at = frame.bottom + 4
        for at in range(len(heights) - 1, -1, -1):
            heights[at] = min(heights[at], floor_at)
            floor_at = heights[at] - _APART
    parts = []
    left = frame.right + 24
    for (y, x, curve, colour), height in zip(ordered, heights, strict=True):
        parts.append(
            element(
                "path",
                d=f"M{x + 5:.5g},{y:.5g} L{left - 8:.5g},{height:.5g} h5",
                class_=f"leader {colour}",
            )
        )
        name = clipped(curve.words, _FONT, width - left - 2)
        parts.append(text(left, height + 4, name, "row-label"))
    return parts


def _layers(plot: Plot) -> list[list[float]]:
    xs = plot.xs
    layers = []
    for curve in plot.curves:
        at = {point.x: point.y for point in curve.points}
        layers.append([at.get(x, 0.0) for x in xs])
    return layers


def _areas(plot: Plot, frame: _Places) -> list[Markup]:
    """From the whole stack down to its first layer, each over the one behind it."""
    xs, layers = plot.xs, _layers(plot)
    sums = [sum(layer) for layer in zip(*layers, strict=True)]
    parts = []
    for curve, layer in reversed(list(zip(plot.curves, layers, strict=True))):
        top = " L".join(f"{frame.x(x):.5g},{frame.y(y):.5g}" for x, y in zip(xs, sums, strict=True))
        path = f"M{frame.x(xs[0]):.5g},{frame.bottom:.5g} L{top} "
        path += f"L{frame.x(xs[-1]):.5g},{frame.bottom:.5g} z"
        parts.append(element("path", d=path, class_=f"area curve-{curve.colour % COLOURS}"))
        sums = [whole - part for whole, part in zip(sums, layer, strict=True)]
    return parts
