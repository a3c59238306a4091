"""Small plots, one quantity for all guards: bars, paired bars, and dots on a log scale. Pure.

Every plot is drawn for a place about 360 pixels wide, so that it can be read on a phone and
three stand side by side on a desk. Numbers are written out; colours are classes, and where two
series meet they also differ by place or shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

import msgspec
from markupsafe import Markup

from paidonce.reports.charts.svg import clipped, element, group, line, picture, rect, text, width_of

WIDTH = 380
_LABELS = 138
_FONT = 11.5
_ROW = 30
_RIGHT = 8


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One guard. ``values`` are the series' values (None: not known), ``shown`` how to write them.

    ``below`` puts it under the dividing line of the guards declared vulnerable.
    """

    label: str
    values: tuple[float | None, ...]
    shown: tuple[str, ...]
    below: bool = False


def bars(rows: Sequence[Row], title: str, identity: str) -> Markup:
    """Horizontal bars from zero, as many a row as there are values, each with its number."""
    drawing, height = bar_drawing(rows)
    return picture(WIDTH, height, title, _told(rows), drawing, identity=identity)


def bar_drawing(rows: Sequence[Row]) -> tuple[Markup, float]:
    """The same bars as a group, ``WIDTH`` wide, to be put into another drawing; and the height."""
    series = max((len(row.values) for row in rows), default=1)
    pitch = max(_ROW, 13 * series + 4)
    top = max((v for row in rows for v in row.values if v is not None), default=0.0) or 1.0
    numbers = max((width_of(shown, _FONT) for row in rows for shown in row.shown), default=0.0)
    room = WIDTH - _LABELS - numbers - 8 - _RIGHT
    parts = []
    y = 4.0
    for row, divider in _rows(rows):
        if divider:
            parts.append(_divider(y))
            y += 20
        parts.append(_label(row, y + pitch / 2))
        height = 14 if series == 1 else 11
        for number, (value, shown) in enumerate(zip(row.values, row.shown, strict=True)):
            offset = y + (pitch - (height + 2) * series) / 2 + number * (height + 2) + 1
            width = 0.0 if value is None else value / top * room
            if value:
                parts.append(rect(_LABELS, offset, width, height, f"series-{number}", 2.5))
            at = _LABELS + max(width, 0) + 6
            parts.append(text(at, offset + height / 2 + 4, shown, "value"))
        y += pitch
    parts.append(line(_LABELS, 2, _LABELS, y, "axis"))
    return group(*parts), y + 4


def dots(rows: Sequence[Row], title: str, identity: str, unit: str) -> Markup:
    """One row a guard, its values as a circle, a square, a triangle … on a logarithmic scale."""
    values = [v for row in rows for v in row.values if v is not None and v > 0]
    low = floor(log10(min(values))) if values else 0
    high = max(ceil(log10(max(values))), low + 1) if values else 1
    left, right = _LABELS + 8.0, WIDTH - _RIGHT - 8.0

    def place(value: float) -> float:
        share = (log10(max(value, 10.0**low)) - low) / (high - low)
        return left + share * (right - left)

    parts = []
    y = 4.0
    for row, divider in _rows(rows):
        if divider:
            parts.append(_divider(y))
            y += 20
        middle = y + _ROW / 2
        known = [(n, v) for n, v in enumerate(row.values) if v is not None and v > 0]
        parts.append(_label(row, middle))
        if known:
            ends = [place(v) for _, v in known]
            parts.append(line(min(ends), middle, max(ends), middle, "span"))
        parts += [_dot(place(v), middle, n, f"{row.label}: {row.shown[n]}") for n, v in known]
        y += _ROW
    grid = []
    for power in range(low, high + 1):
        x = place(10.0**power)
        grid.append(line(x, 2, x, y + 2, "grid"))
        grid.append(text(x, y + 16, f"{10.0**power:g}", "tick", "middle"))
    grid.append(text(_LABELS - 6, y + 16, unit, "tick", "end"))
    return picture(WIDTH, y + 24, title, _told(rows), *grid, *parts, identity=identity)


def _rows(rows: Sequence[Row]) -> list[tuple[Row, bool]]:
    """The rows, those below the dividing line last; the first of these is marked."""
    above = [row for row in rows if not row.below]
    below = [row for row in rows if row.below]
    marked = [(row, number == 0) for number, row in enumerate(below)]
    return [(row, False) for row in above] + marked


def _divider(y: float) -> Markup:
    return group(
        line(0, y + 4, WIDTH, y + 4, "divider"),
        text(WIDTH, y + 16, "declared vulnerable", "tick", "end"),
    )


def _label(row: Row, y: float) -> Markup:
    name = clipped(row.label, _FONT, _LABELS - 2)
    return text(_LABELS - 8, y + 4, name, "row-label", "end")


def _dot(x: float, y: float, series: int, told: str) -> Markup:
    shapes = (
        ("circle", {"cx": x, "cy": y, "r": 4.6}),
        ("rect", {"x": x - 4.2, "y": y - 4.2, "width": 8.4, "height": 8.4}),
        ("path", {"d": f"M{x:.5g},{y - 5.4:.5g} l5.2,9.2 l-10.4,0 z"}),
    )
    name, attributes = shapes[series % len(shapes)]
    return element(name, element("title", told), class_=f"dot-{series % 3}", **attributes)


def _told(rows: Sequence[Row]) -> str:
    return "; ".join(f"{row.label}: {', '.join(row.shown)}" for row in rows)
