"""Predictions, and what became of them: for a terminal, and in GitHub's Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.predict import Decided, Fix, Prediction, Spot, Standing

_STYLES = {Standing.CONFIRMED: "bold red", Standing.REFUTED: "green", Standing.OPEN: "yellow"}
_MARKS = {Standing.CONFIRMED: "❌", Standing.REFUTED: "✅", Standing.OPEN: "❔"}
_LONGEST = 300
"""Characters of a statement that are shown; the histories have all of it."""
NOTHING = "Nothing is predicted: every read that decides is protected, as far as can be told."


def terminal(found: Sequence[Decided], *, fixes: bool = False) -> RenderableType:
    """A table with a line for each, and under it why; ``fixes`` shows those of all predictions,
    not only of the confirmed."""
    if not found:
        return Text(NOTHING)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "standing", "reads", "another writes", "acts all the same"):
        table.add_column(name, overflow="fold")
    for number, one in enumerate(found, start=1):
        prediction = one.prediction
        table.add_row(
            str(number),
            Text(one.standing.value, _STYLES[one.standing]),
            Text(_effect(prediction.read)),
            Text(_effect(prediction.rival)),
            Text(_effect(prediction.act)),
        )
    return Group(table, *_details(found, fixes))


def _details(found: Sequence[Decided], fixes: bool) -> Iterator[RenderableType]:
    for number, one in enumerate(found, start=1):
        yield Text()
        yield Text.assemble((f"{number}. {_who(one.prediction)}: ", "bold"), one.prediction.why)
        yield Text.assemble(
            ("   ", ""), (one.standing.value, _STYLES[one.standing]), f": {one.reason}"
        )
        if not (fixes or one.standing is Standing.CONFIRMED):
            continue
        for fix in one.prediction.fixes:
            yield Text.assemble(("   fix: ", ""), (fix.name, "bold"), f"; {_how(fix)}")
            before, after = _pair(fix.before, fix.after)
            yield Text(f"      - {before}")
            yield Text(f"      + {after}")


def markdown(found: Sequence[Decided]) -> str:
    """A table, and for the confirmed what would close them, as a diff."""
    if not found:
        return NOTHING + "\n"
    lines = [
        "| | standing | reads | another writes | acts all the same |",
        "|---|---|---|---|---|",
    ]
    for number, one in enumerate(found, start=1):
        spots = (one.prediction.read, one.prediction.rival, one.prediction.act)
        cells = " | ".join(_code(_effect(spot)) for spot in spots)
        lines.append(f"| {number} | {_MARKS[one.standing]} {one.standing.value} | {cells} |")
    parts = ["\n".join(lines)]
    for number, one in enumerate(found, start=1):
        parts.append(
            f"**{number}. {_who(one.prediction)}.** {_plain(one.prediction.why)} "
            f"*{one.standing.value}: {_plain(one.reason)}*"
        )
        if one.standing is Standing.CONFIRMED:
            parts += [_diff(fix) for fix in one.prediction.fixes]
    return "\n\n".join(parts) + "\n"


def _diff(fix: Fix) -> str:
    before, after = _pair(fix.before, fix.after)
    # A fence longer than any in the statement cannot be ended by it.
    fence = "`" * (max(map(len, re.findall("`+", before + after)), default=0) + 3)
    return f"{fix.name}: {_plain(_how(fix))}\n\n{fence}diff\n- {before}\n+ {after}\n{fence}"


def _how(fix: Fix) -> str:
    return f"{fix.how}; {fix.partly}" if fix.partly else fix.how


def _who(prediction: Prediction) -> str:
    mine, theirs = " or ".join(prediction.readers), " or ".join(prediction.rivals)
    if prediction.readers == prediction.rivals:
        return f"{mine} against another of them" if len(prediction.readers) > 1 else mine
    return f"{mine} against {theirs}"


def _effect(spot: Spot) -> str:
    where, _, what = spot.label.partition(" ")
    return f"{spot.number}: {what if where == 'postgres' else spot.label}"


def _pair(before: str, after: str) -> tuple[str, str]:
    """Both in a line, and if they are long only what is around their difference."""
    one, other = " ".join(before.split()), " ".join(after.split())
    if max(len(one), len(other)) <= _LONGEST:
        return one, other
    shorter = min(len(one), len(other))
    same = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    start = max(0, same - _LONGEST // 3) if same else 0
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _code(text: str) -> str:
    """Text as code within a table."""
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"


def _plain(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>|~" else char for char in text)
