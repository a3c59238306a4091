"""Elements of an SVG picture, escaped. Text stays text; colours are classes of the style sheet."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# Mean width of a character in a wide sans-serif face, as a share of the font size. Rather too
# wide than too narrow: a label that is thought not to fit is moved or shortened, one that really
# does not fit runs over its neighbour.
_CHARACTER = 0.58
_BOLD = 0.66


# What XML 1.0 cannot carry at all, escaped or not (section 2.2 of the recommendation).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_safe(content: str) -> str:
    """``content`` with the characters that no XML (nor HTML) may hold replaced by U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", content)


def element(_name: str, *_children: str, **attributes: object) -> Markup:
    """``element("rect", x=1, class_="bar")``; None attributes are left out, ``_`` becomes ``-``.

    Children that are not ``Markup`` are escaped.
    """
    parts = []
    for key, value in attributes.items():
        if value is None:
            continue
        shown = f"{value:.5g}" if isinstance(value, float) else value
        name = "viewBox" if key == "viewBox" else key.rstrip("_").replace("_", "-")
        parts.append(Markup(' {}="{}"').format(name, shown))
    inside = Markup("").join(escape(child) for child in _children)
    head = Markup("<{}{}>").format(_name, Markup("").join(parts))
    return head + inside + Markup("</{}>").format(_name)


def text(x: float, y: float, content: str, class_: str = "", anchor: str | None = None) -> Markup:
    """A line of text whose baseline is at ``y``."""
    return element("text", content, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, radius: float = 0) -> Markup:
    """A rectangle, never narrower than can be seen."""
    return element(
        "rect",
        x=x,
        y=y,
        width=max(width, 1.0),
        height=height,
        rx=radius or None,
        class_=class_,
    )


def group(*children: str, **attributes: object) -> Markup:
    """A ``<g>``."""
    return element("g", *children, **attributes)


def picture(
    width: float, height: float, title: str, description: str, *children: str, identity: str
) -> Markup:
    """An inline ``<svg>`` that scales with its place and is read aloud by title and description.

    ``identity`` must be unique in the page.
    """
    return element(
        "svg",
        element("title", title, id=f"{identity}-title"),
        element("desc", description, id=f"{identity}-desc"),
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{identity}-title",
        aria_describedby=f"{identity}-desc",
        class_="picture",
    )


def width_of(content: str, size: float, *, bold: bool = False) -> float:
    """About how wide ``content`` is at that font size."""
    letters = sum(1.2 if letter.isupper() else 1.0 for letter in content)
    return letters * size * (_BOLD if bold else _CHARACTER)


def clipped(content: str, size: float, room: float, *, bold: bool = False) -> str:
    """``content``, cut with an ellipsis to what fits into ``room``."""
    if width_of(content, size, bold=bold) <= room:
        return content
    keep = max(int(room / (size * (_BOLD if bold else _CHARACTER))) - 1, 1)
    return content[:keep].rstrip() + "…"
