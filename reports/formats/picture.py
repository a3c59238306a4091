"""The result as one standalone SVG: headline, matrix, and the timeline of a double payment.

It follows the viewer's light or dark setting by a media query of its own, so it can stand in a
README as an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.standing import Standing
from paidonce.reports.charts.svg import clipped, element, group, rect, text, width_of, xml_safe
from paidonce.reports.formats.html import asset
from paidonce.reports.formats.store import write_file
from paidonce.reports.overview.evidence import Shown, double_payment
from paidonce.reports.overview.headline import headline
from paidonce.reports.timeline.svg import WIDTH, timeline_drawing

_MARGIN = 28
_NAMES = 176
_ROW = 34
_HEAD = 64

_MARKS = {
    "seal": "M6 .6l4.6 1.6v3.6c0 2.8-2 4.8-4.6 5.8C3.4 10.6 1.4 8.6 1.4 5.8V2.2z"
    "M3.8 5.8l1.7 1.7L8.4 4.4",
    "check": "M1 6.4l3.2 3.2L10.4 2.8",
    "flag": "M2 12V1M2 1.4h8L8 4l2 2.6H2",
    "cross": "M2 2l8 8M10 2l-8 8",
    "question": "M3 4c0-4 6.4-4 6.4 0c0 2-3.2 2-3.2 4.2M6.2 11.4v.2",
    "ring": "M6 1.6a4.4 4.4 0 1 0 .1 0",
    "dash": "M2 6h8",
    "bang": "M6 1v6.4M6 11v.2",
}
_FAMILY = {
    Standing.PROVED: "proved",
    Standing.HELD: "held",
    Standing.CAUGHT: "caught",
    Standing.BROKEN: "broken",
    Standing.ACCEPTED: "unknown",
    Standing.MISSED: "broken",
    Standing.ERROR: "broken",
    Standing.UNKNOWN: "unknown",
}


def write_picture(assessed: Assessment, path: Path, folder: Path | None = None) -> None:
    """Write the picture to ``path``; histories are read from ``folder`` (default: beside it).

    Raises ``UsageError`` when it cannot be written.
    """
    write_file(path, draw(assessed, folder if folder is not None else path.parent).encode())


def draw(assessed: Assessment, folder: Path) -> str:
    """The picture as SVG text."""
    proof, told = assessed.proof, headline(assessed)
    family = {"proven": "held", "contradicted": "broken", "undecided": "unknown"}[told.tone.value]
    width = WIDTH + 2 * _MARGIN
    badge = width_of(told.word, 15, bold=True) + 26
    parts = [
        rect(_MARGIN, 24, badge, 28, f"g-{family}", 14),
        text(_MARGIN + 13, 43, told.word, f"word t-{family}"),
    ]
    y = 58.0
    for row in _wrapped(told.sentence, 23, WIDTH):
        y += 29
        parts.append(text(_MARGIN, y, row, "title"))
    y += 22
    if proof.cells:
        matrix, height = _matrix(assessed)
        parts.append(group(matrix, transform=f"translate({_MARGIN} {y})"))
        y += height + 26
    shown = double_payment(proof, folder)
    if shown is not None:
        drawing, height = _story(shown)
        parts.append(group(drawing, transform=f"translate({_MARGIN} {y})"))
        y += height
    y += 22
    style = Markup("<style>{}{}{}</style>").format(
        asset("theme.css"), asset("picture.css"), asset("standalone.css")
    )
    document = element(
        "svg",
        element("title", f"paidonce: {told.word}. {told.sentence}", id="title"),
        style,
        rect(0, 0, width, y, "ground", 16),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {y:g}",
        width=f"{width:g}",
        height=f"{y:g}",
        role="img",
        aria_labelledby="title",
    )
    return xml_safe(str(document)) + "\n"


def _matrix(assessed: Assessment) -> tuple[Markup, float]:
    """Guards down, scenarios across; where columns are narrow, marks alone, and what they mean."""
    proof = assessed.proof
    column = (WIDTH - _NAMES) / max(len(proof.scenarios), 1)
    heading, y = _heading([scenario.name for scenario in proof.scenarios], column)
    parts = [heading]
    ordered = sorted(proof.variants, key=lambda variant: not variant.sound)
    explained: dict[Standing, None] = {}
    for number, variant in enumerate(ordered):
        if number and not variant.sound and ordered[number - 1].sound:
            y += 22
            parts.append(text(0, y - 6, "declared vulnerable, and to be caught:", "small"))
        parts.append(text(0, y + 21, clipped(variant.name, 13, _NAMES), "name"))
        for place, scenario in enumerate(proof.scenarios):
            kind = assessed.standing(variant.name, scenario.name)
            count = assessed.tally(variant.name, scenario.name)
            cell, says_it = _cell(_NAMES + place * column, y, column, kind, count)
            parts.append(cell)
            if not says_it:
                explained.setdefault(kind)
        y += _ROW
    if explained:
        y += 8
        parts.append(_meaning(list(explained), y))
        y += _ROW
    return group(*parts), y


def _heading(names: Sequence[str], column: float) -> tuple[Markup, float]:
    """The names of columns, from bottom to top where they are narrow; and the height."""
    rows = [_split(name, column - 6) for name in names]
    whole = all("".join(each) == name for each, name in zip(rows, names, strict=True))
    if whole and all(width_of(row, 12, bold=True) <= column for each in rows for row in each):
        parts = []
        for place, each in enumerate(rows):
            for number, row in enumerate(each):
                up = 10 + 14 * (len(each) - 1 - number)
                parts.append(text(_NAMES + place * column + 4, _HEAD - up, row, "column"))
        return group(*parts), float(_HEAD)
    height = max(width_of(name, 12, bold=True) for name in names) + 14
    parts = [
        group(
            text(0, 0, name, "column"),
            transform=f"translate({_NAMES + (place + 0.5) * column + 4:.5g} {height - 8:.5g}) "
            "rotate(-90)",
        )
        for place, name in enumerate(names)
    ]
    return group(*parts), height


def _cell(x: float, y: float, width: float, kind: Standing, count: str) -> tuple[Markup, bool]:
    """A cell, and whether it says by words how it stands."""
    family, room = _FAMILY.get(kind, "quiet"), width - 26
    size = 12 if width_of(kind.look.word, 12, bold=True) <= room else 10.5
    words = next(
        (
            one
            for one in (kind.look.word, count)
            if one and width_of(one, size, bold=True) <= room + 4
        ),
        "",
    )
    left = x + 7 if words else x + width / 2 - 6
    parts = [
        element("title", f"{kind.look.word} {count}".strip()),
        rect(x + 2, y + 2, width - 4, _ROW - 4, f"g-{family}", 6),
        _mark(kind, left, y + 11),
    ]
    if words:
        parts.append(text(x + 21, y + 21.5, words, f"cell-text s{size * 2:g} t-{family}"))
    return group(*parts), words == kind.look.word


def _mark(kind: Standing, x: float, y: float) -> Markup:
    return element(
        "path",
        d=_MARKS[kind.look.icon],
        transform=f"translate({x:.5g} {y:.5g})",
        class_=f"mark m-{_FAMILY.get(kind, 'quiet')}",
    )


def _meaning(kinds: Sequence[Standing], y: float) -> Markup:
    """Say what marks without words mean, in a row."""
    parts, x = [], float(_NAMES)
    for kind in kinds:
        parts.append(rect(x + 2, y + 4, 26, 24, f"key g-{_FAMILY.get(kind, 'quiet')}", 6))
        parts.append(_mark(kind, x + 9, y + 10))
        parts.append(text(x + 34, y + 20.5, kind.look.word, "small"))
        x += 34 + width_of(kind.look.word, 12) + 28
    return group(*parts)


def _story(shown: Shown) -> tuple[Markup, float]:
    drawing, height = timeline_drawing(shown.timeline, "story")
    timeline = shown.timeline
    parts = []
    y = 0.0
    where = f"What {timeline.variant} lets happen in {timeline.scenario}:"
    parts.append(text(0, y + 14, where, "small"))
    y += 20
    for row in _wrapped(timeline.conclusion, 16, WIDTH):
        y += 20
        parts.append(text(0, y, row, "conclusion"))
    y += 18
    parts.append(group(drawing, transform=f"translate(0 {y})"))
    return group(*parts), y + height


def _wrapped(content: str, size: float, room: float) -> list[str]:
    rows = [""]
    for word in content.split():
        longer = f"{rows[-1]} {word}".strip()
        if width_of(longer, size, bold=True) <= room or not rows[-1]:
            rows[-1] = longer
        else:
            rows.append(word)
    return rows


def _split(name: str, room: float) -> list[str]:
    """A name on lines of its own, broken after underscores."""
    rows = [""]
    for part in name.replace("_", "_\n").split("\n"):
        if rows[-1] and width_of(rows[-1] + part, 12) > room:
            rows.append(part)
        else:
            rows[-1] += part
    return [clipped(row, 12, room + 4) for row in rows][:4]
