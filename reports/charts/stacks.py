"""Stacked bars: of what parts a whole is made, one bar a guard. Pure."""

from __future__ import annotations

import msgspec
from markupsafe import Markup

from paidonce.reports.charts.svg import clipped, element, line, picture, rect, text, width_of
from paidonce.reports.words import number

_WIDTH, _LABELS, _RIGHT = 560.0, 150.0, 8.0
_ROW, _BAR, _FONT = 28.0, 17.0, 11.5


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a bar; ``colour`` is its number in the style sheet."""

    name: str
    value: float
    colour: int


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One guard."""

    name: str
    parts: tuple[Segment, ...]

    @property
    def whole(self) -> float:
        """All parts together."""
        return sum(part.value for part in self.parts)


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of several bars; ``unit`` is of all values."""

    title: str
    note: str
    unit: str
    bars: tuple[Bar, ...]


def stack_picture(stack: Stack, identity: str) -> Markup:
    """Bars from zero, each with its whole at its end and its parts told when pointed at.

    ``identity`` must be unique in the page.
    """
    top = max((bar.whole for bar in stack.bars), default=0.0) or 1.0
    words = [f"{number(bar.whole)} {stack.unit}" for bar in stack.bars]
    room = _WIDTH - _LABELS - _RIGHT - 8 - max((width_of(w, _FONT) for w in words), default=0.0)
    parts, y = [], 4.0
    for bar, whole in zip(stack.bars, words, strict=True):
        middle = y + _ROW / 2
        name = clipped(bar.name, _FONT, _LABELS - 12)
        parts.append(text(_LABELS - 8, middle + 4, name, "row-label", "end"))
        x = _LABELS
        for part in bar.parts:
            width = part.value / top * room
            if width > 0.05:
                said = element("title", f"{part.name}: {number(part.value)} {stack.unit}")
                drawn = rect(x, middle - _BAR / 2, width, _BAR, f"area curve-{part.colour}")
                parts.append(element("g", said, drawn))
            x += width
        parts.append(text(x + 6, middle + 4, whole, "value"))
        y += _ROW
    parts.append(line(_LABELS, 2, _LABELS, y, "axis"))
    return picture(_WIDTH, y + 4, stack.title, _told(stack), *parts, identity=identity)


def _told(stack: Stack) -> str:
    return "; ".join(
        f"{bar.name}: "
        + ", ".join(f"{part.name} {number(part.value)} {stack.unit}" for part in bar.parts)
        for bar in stack.bars
    )
