"""Predictions, and what became of them: for a terminal, and in GitHub's Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import indent

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from paidonce.harness.predict import (
    Blind,
    Decided,
    Fix,
    Looked,
    Prediction,
    Spot,
    Standing,
    Trap,
    TrapKind,
    Trial,
    TriedFix,
    Unjudged,
)
from paidonce.harness.results.words import count, gist

_STYLES = {Standing.CONFIRMED: "bold red", Standing.REFUTED: "green", Standing.OPEN: "yellow"}
_MARKS = {Standing.CONFIRMED: "❌", Standing.REFUTED: "✅", Standing.OPEN: "❔"}
_TRIAL_STYLES = {
    Trial.CLOSES: "bold green",
    Trial.PART: "yellow",
    Trial.DOES_NOT: "bold red",
    Trial.UNDECIDED: "yellow",
    Trial.CANNOT: "dim",
}
_ENOUGH = 160
"""Characters of a statement in a table."""
_LONGEST = 300
"""Characters of a statement that are shown; the histories have all of it."""
_Numbered = tuple[int, Decided]
NOTHING = "No bad order is predicted."


def terminal(found: Sequence[Decided], looked: Looked, *, fixes: bool = False) -> RenderableType:
    """A table with a line for each, and under it why, and what was looked at; ``fixes`` shows
    those of all predictions, not only of the confirmed."""
    if not found:
        return Text("\n".join([NOTHING, *seen(looked)]))
    return _told(list(enumerate(found, start=1)), looked, fixes)


def brief(found: Sequence[Decided], looked: Looked) -> RenderableType:
    """The same of those that were not refuted, the confirmed first; how many were, in words. Each
    has the number that it has in ``terminal`` and ``markdown``."""
    numbered = [
        (number, decision)
        for number, decision in enumerate(found, start=1)
        if decision.standing is not Standing.REFUTED
    ]
    numbered.sort(key=lambda pair: pair[1].standing is not Standing.CONFIRMED)
    refuted = len(found) - len(numbered)
    told = f"{count(refuted, 'prediction')} refuted; the report has the reasons"
    if not numbered:
        return Text("\n".join([told if found else NOTHING, *seen(looked)]))
    table = _told(numbered, looked, fixes=False)
    return Group(table, Text(told)) if refuted else table


def _told(numbered: Sequence[_Numbered], looked: Looked, fixes: bool) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "standing", "reads", "another writes", "acts all the same"):
        table.add_column(name, overflow="fold")
    for number, decision in numbered:
        prediction = decision.prediction
        table.add_row(
            str(number),
            Text(decision.standing.value, _STYLES[decision.standing]),
            Text(_effect(prediction.read)),
            Text(_effect(prediction.rival)),
            Text(_effect(prediction.act)),
        )
    return Group(table, *_details(numbered, fixes), Text("\n".join(["", *seen(looked)])))


def _details(numbered: Sequence[_Numbered], fixes: bool) -> Iterator[RenderableType]:
    for number, decision in numbered:
        yield Text()
        yield Text.assemble(
            (f"{number}. {_who(decision.prediction)}: ", "bold"), decision.prediction.why
        )
        yield Text.assemble(
            ("   ", ""),
            (decision.standing.value, _STYLES[decision.standing]),
            f": {decision.reason}",
        )
        if not (fixes or decision.tried or decision.standing is Standing.CONFIRMED):
            continue
        for at, fix in enumerate(decision.prediction.fixes):
            word = _word(fix, decision.tried[at] if decision.tried else None)
            yield Text.assemble((f"   {word}: ", ""), (fix.name, "bold"), f"; {_how(fix)}")
            before, after = _pair(fix.before, fix.after)
            yield Text(f"      - {before}")
            yield Text(f"      + {after}")
            if fix.call:
                yield Text(f"      in {fix.orm}:")
                yield Text(indent(fix.call, " " * 8))
            if decision.tried:
                tried = decision.tried[at]
                yield Text.assemble(
                    ("      tried: ", ""),
                    (tried.result.value, _TRIAL_STYLES[tried.result]),
                    f": {_came_of(tried)}",
                )


def markdown(found: Sequence[Decided], looked: Looked) -> str:
    """A table, for the confirmed what would close them, as a diff, and what was looked at."""
    about = "\n".join(_plain(line) for line in seen(looked))
    if not found:
        return f"{NOTHING}\n{about}\n"
    lines = [
        "| | standing | reads | another writes | acts all the same |",
        "|---|---|---|---|---|",
    ]
    for number, decision in enumerate(found, start=1):
        spots = (decision.prediction.read, decision.prediction.rival, decision.prediction.act)
        cells = " | ".join(_code(_effect(spot)) for spot in spots)
        lines.append(
            f"| {number} | {_MARKS[decision.standing]} {decision.standing.value} | {cells} |"
        )
    parts = ["\n".join(lines)]
    for number, decision in enumerate(found, start=1):
        parts.append(
            f"**{number}. {_who(decision.prediction)}.** {_plain(decision.prediction.why)} "
            f"*{decision.standing.value}: {_plain(decision.reason)}*"
        )
        if decision.tried or decision.standing is Standing.CONFIRMED:
            for at, fix in enumerate(decision.prediction.fixes):
                word = _word(fix, decision.tried[at] if decision.tried else None)
                parts.append(_diff(fix, "" if word == "fix" else f"{word}: "))
                if decision.tried:
                    tried = decision.tried[at]
                    parts.append(f"*Tried: {tried.result.value}*: {_plain(_came_of(tried))}")
    parts.append(about)
    return "\n\n".join(parts) + "\n"


def seen(looked: Looked) -> list[str]:
    """Return what was looked at and what could not be judged, a sentence or a line of a list
    each."""
    reads = count(looked.reads, "read that may decide", "reads that may decide")
    attempts = count(looked.attempts, "attempt")
    were = "was" if looked.reads == 1 else "were"
    lines = [
        f"{reads} {were} looked at, on {attempts} played alone. What the service decides by its "
        "own memory, or by what it was asked, is not among them."
    ]
    if looked.left_out:
        lines[0] += f" {count(looked.left_out, 'more prediction')} left out."
    lines += [f"- {_trap(trap)}" for trap in looked.traps]
    if looked.unjudged:
        lines.append(f"{len(looked.unjudged)} could not be told, which only a search decides:")
        lines += [f"- {_doubt(one)}" for one in looked.unjudged]
    return lines


def _word(fix: Fix, tried: TriedFix | None) -> str:
    """Return what a fix is called: advice that does not close the race is none."""
    result = None if tried is None else tried.result
    if result is Trial.DOES_NOT:
        return "no fix"
    return "part of a fix" if fix.part and result is not Trial.CLOSES else "fix"


def _trap(one: Trap) -> str:
    where = f"{one.spot.attempt}, effect {_effect(one.spot)}"
    match one.kind:
        case TrapKind.RELEASED:
            what = f"{one.orm}'s {one.lock}: a lock" if one.orm else "a lock"
            why = f"this is {what} outside a transaction: it is released at once"
        case TrapKind.STALE:
            read = "" if one.read is None else f" (effect {one.read.number})"
            columns = ", ".join(one.columns)
            why = (
                f"this saves {columns} as it was read{read}, under no lock: what another has "
                "written in between is overwritten; write what is changed alone, on a condition"
            )
        case TrapKind.SKIPS:
            column = one.columns[0]
            why = (
                f"this leaves {column} as it is: who has read the row before, and asks for its "
                f"{column} when it writes, is not refused; count {column} on as well"
            )
    return f"trap: {where}: {why}"


def _doubt(one: Unjudged) -> str:
    where = f"{one.spot.attempt}, effect {_effect(one.spot)}"
    match one.blind:
        case Blind.MEMORY:
            why = "comes before any read at a tap: what it goes by is not seen"
        case Blind.VALUE:
            why = (
                f"whether another attempt means the same row is not known: its {one.detail} is "
                "another one in every execution, and was not captured"
            )
        case Blind.STATEMENT:
            why = "the statement could not be read"
        case Blind.WITHIN if one.detail:
            why = f"what {one.detail} looks at and writes within it is not judged"
        case Blind.WITHIN:
            why = "what it looks at and writes in one statement is not judged"
        case Blind.REDIS:
            why = "what the answer of Redis decides is not judged"
        case Blind.STRIPE:
            why = "what the answer of Stripe decides is not judged"
    return f"{where}: {why}"


def _diff(fix: Fix, word: str) -> str:
    before, after = _pair(fix.before, fix.after)
    # A fence longer than any in the statement cannot be ended by it.
    fence = "`" * (max(map(len, re.findall("`+", before + after + fix.call)), default=0) + 3)
    told = f"{word}{fix.name}: {_plain(_how(fix))}\n\n{fence}diff\n- {before}\n+ {after}\n{fence}"
    return f"{told}\n\nIn {fix.orm}:\n\n{fence}\n{fix.call}\n{fence}" if fix.call else told


def _came_of(tried: TriedFix) -> str:
    """Return what came of a fix that was tried, behind the result."""
    words = tried.reason
    if tried.along_with:
        numbers = ", ".join(map(str, tried.along_with))
        words = f"together with the same for {numbers}: {words}"
    return f"{words} (witness: {tried.witness})" if tried.witness else words


def _how(fix: Fix) -> str:
    return f"{fix.how}; {fix.partly}" if fix.partly else fix.how


def _who(prediction: Prediction) -> str:
    mine, theirs = " or ".join(prediction.readers), " or ".join(prediction.rivals)
    if set(prediction.readers) == set(prediction.rivals):
        return f"{mine} against another of them" if len(prediction.readers) > 1 else mine
    return f"{mine} against {theirs}"


def _effect(spot: Spot) -> str:
    where, _, what = spot.label.partition(" ")
    if where != "postgres":
        return f"{spot.number}: {spot.label}"
    if what.endswith("…"):  # before the table is named: the statement says which it is
        what = " ".join(spot.text.split())
    short = gist(what)
    return f"{spot.number}: {short if len(short) <= _ENOUGH else short[: _ENOUGH - 1] + '…'}"


def _pair(before: str, after: str) -> tuple[str, str]:
    """Both in a line, and if they are long only what is around their difference."""
    one, other = " ".join(before.split()), " ".join(after.split())
    if max(len(one), len(other)) > _LONGEST and gist(one) != gist(other):
        one, other = gist(one), gist(other)
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
