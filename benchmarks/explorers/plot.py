"""Curves on logarithmic scales, several small plots in one standalone SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from markupsafe import Markup

from paidonce.reports.charts.svg import element, group, line, rect, text, xml_safe
from paidonce.reports.formats.html import asset

_PANEL, _HEIGHT, _LEFT, _TOP, _BOTTOM, _RIGHT = 400.0, 250.0, 58.0, 40.0, 40.0, 20.0
_MARGIN, _HEAD = 20.0, 96.0
_LINES = 6
_STYLE = Markup(
    ".curve { fill: none; stroke-width: 2.2; } .dot { stroke-width: 2.2; }"
    " .c-0 { stroke: var(--series-0); } .c-1 { stroke: var(--mark-1); }"
    " .f-0 { fill: var(--series-0); } .f-1 { fill: var(--mark-1); }"
    " .hollow { fill: var(--bg); } .dashed { stroke-dasharray: 5 4; }"
    " .grid { stroke: var(--line); stroke-width: 1; }"
)


@dataclass(frozen=True)
class Dot:
    """A measured point; ``least`` if the true value is at least that, ``about`` if estimated."""

    x: float
    y: float
    least: bool = False
    about: bool = False

    def __str__(self) -> str:
        return f"{'at least ' if self.least else 'about ' if self.about else ''}{self.y:.3g}"


@dataclass(frozen=True)
class Panel:
    """One plot: ``curves`` by their number in the legend. ``log_x`` scales x logarithmically."""

    title: str
    x_label: str
    curves: tuple[tuple[Dot, ...], ...]
    log_x: bool = False


def draw(title: str, note: str, legend: Sequence[str], panels: Sequence[Panel]) -> str:
    """The panels two by two, as the text of an SVG file."""
    rows = (len(panels) + 1) // 2
    width, height = 2 * _PANEL + 2 * _MARGIN, rows * _HEIGHT + _HEAD + _MARGIN
    parts = [text(_MARGIN, 34, title, "conclusion"), text(_MARGIN, 56, note, "small")]
    x = _MARGIN
    for number, words in enumerate(legend):
        parts.append(line(x, 77, x + 26, 77, f"curve c-{number}"))
        parts.append(text(x + 34, 81, words))
        x += 60 + 7.2 * len(words)
    for number, panel in enumerate(panels):
        right, down = number % 2, number // 2
        place = f"translate({_MARGIN + right * _PANEL:g} {_HEAD + down * _HEIGHT:g})"
        parts.append(group(*_panel(panel), transform=place))
    style = Markup("<style>{}{}{}{}</style>").format(
        asset("theme.css"), asset("picture.css"), asset("standalone.css"), _STYLE
    )
    document = element(
        "svg",
        element("title", title, id="title"),
        element("desc", _told(legend, panels), id="told"),
        style,
        rect(0, 0, width, height, "ground", 16),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role="img",
        aria_labelledby="title told",
    )
    return xml_safe(str(document)) + "\n"


def _panel(panel: Panel) -> list[Markup]:
    dots = [dot for curve in panel.curves for dot in curve]
    low = floor(log10(min(dot.y for dot in dots)))
    high = max(ceil(log10(max(dot.y for dot in dots))), low + 1)
    xs = sorted({dot.x for dot in dots})

    def across(x: float) -> float:
        room = _PANEL - _LEFT - _RIGHT
        if not panel.log_x:
            return _LEFT + room * (x - xs[0] + 0.3) / (xs[-1] - xs[0] + 0.6)
        first, last = log10(xs[0]), log10(xs[-1])
        return _LEFT + room * (0.05 + 0.9 * (log10(x) - first) / (last - first))

    def up(y: float) -> float:
        room = _HEIGHT - _TOP - _BOTTOM
        return _HEIGHT - _BOTTOM - room * (log10(y) - low) / (high - low)

    parts = [text(_LEFT, _TOP - 16, panel.title, "column")]
    for power in range(low, high + 1, ceil((high - low) / _LINES)):
        y = up(10.0**power)
        parts.append(line(_LEFT, y, _PANEL - _RIGHT, y, "grid"))
        parts.append(text(_LEFT - 8, y + 4, _power(power), "tick", "end"))
    floor_y = _HEIGHT - _BOTTOM
    parts.append(line(_LEFT, floor_y, _PANEL - _RIGHT, floor_y, "axis"))
    shown = 0.0
    for x in xs:
        if across(x) - shown > 24:
            parts.append(text(across(x), floor_y + 17, f"{x:g}", "tick", "middle"))
            shown = across(x)
    middle = (_LEFT + _PANEL - _RIGHT) / 2
    parts.append(text(middle, floor_y + 34, panel.x_label, "tick", "middle"))
    for number, curve in enumerate(panel.curves):
        parts += _curve(number, [(across(dot.x), up(dot.y), dot) for dot in curve])
    return parts


def _power(power: int) -> str:
    """A power of ten, written out as long as that is short."""
    if -2 <= power <= 4:
        return f"{10.0**power:,g}"
    return "10" + str(power).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


def _curve(number: int, points: Sequence[tuple[float, float, Dot]]) -> list[Markup]:
    parts = []
    for (x1, y1, _), (x2, y2, dot) in pairwise(points):
        dashed = " dashed" if dot.least or dot.about else ""
        parts.append(line(x1, y1, x2, y2, f"curve c-{number}{dashed}"))
    for x, y, dot in points:
        fill = "hollow" if dot.least or dot.about else f"f-{number}"
        told = f"{dot.x:g}: {dot}"
        mark = element(
            "circle", element("title", told), cx=x, cy=y, r=4.5, class_=f"dot c-{number} {fill}"
        )
        parts.append(mark)
        if dot.least:  # an arrow: it is somewhere above
            parts.append(line(x, y - 6, x, y - 18, f"curve c-{number}"))
            parts.append(line(x, y - 18, x - 4, y - 13, f"curve c-{number}"))
            parts.append(line(x, y - 18, x + 4, y - 13, f"curve c-{number}"))
    return parts


def _told(legend: Sequence[str], panels: Sequence[Panel]) -> str:
    said = []
    for panel in panels:
        for words, curve in zip(legend, panel.curves, strict=True):
            values = ", ".join(f"{dot} at {dot.x:g}" for dot in curve)
            said.append(f"{panel.title}, {words}: {values}.")
    return " ".join(said)
