"""A counterexample as a sequence diagram: Mermaid for pages, plain characters for terminals.

An attempt's lane stands for its client and for the service while it works on that client's
request; the other lanes are the dependencies behind the taps. Mermaid's syntax:
https://mermaid.js.org/syntax/sequenceDiagram.html
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from paidonce.harness.explore.witness.narrative import (
    Asked,
    Exchange,
    Moment,
    Narrative,
    Reply,
)
from paidonce.harness.explore.witness.narrative import wording as words
from paidonce.harness.explore.witness.narrative.model import Act
from paidonce.harness.results.words import gist

_NAMES = {"postgres": "Postgres", "stripe": "Stripe", "redis": "Redis", "replica": "Replica"}
_MERMAID_WIDTH = 90
# Characters that mean something to Mermaid, as its own entity codes.
_ENTITIES = str.maketrans(
    {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "%": "#37;", '"': "#quot;"}
)


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a diagram: from lane to lane, or a remark on one lane where they are the same.

    ``number`` is the witness's step, on the first row of each. ``back`` marks an answer.
    """

    number: int | None
    source: str
    target: str
    text: str
    back: bool = False
    lost: bool = False
    """It does not arrive."""


def arrows(narrative: Narrative) -> Iterator[Arrow]:
    """Yield the rows of the diagram, top to bottom."""
    for moment in narrative.moments:
        number: int | None = moment.step.number
        for row in _rows(moment):
            yield msgspec.structs.replace(row, number=number)
            number = None


def mermaid(narrative: Narrative) -> str:
    """Return the narrative as a Mermaid sequence diagram."""
    lanes = _lanes(narrative)
    ids = {lane: f"L{number}" for number, lane in enumerate(lanes, start=1)}
    lines = ["sequenceDiagram"]
    for lane in lanes:
        kind = "actor" if lane in narrative.witness.attempts else "participant"
        lines.append(f"    {kind} {ids[lane]} as {_escaped(_NAMES.get(lane, lane))}")
    for arrow in arrows(narrative):
        step = "" if arrow.number is None else f"{arrow.number}. "
        text = _escaped(step + words.clipped(arrow.text, _MERMAID_WIDTH))
        if arrow.source == arrow.target:
            lines.append(f"    Note over {ids[arrow.source]}: {text}")
        else:
            line = ("--x" if arrow.back else "-x") if arrow.lost else "->>"
            line = "-->>" if arrow.back and not arrow.lost else line
            lines.append(f"    {ids[arrow.source]}{line}{ids[arrow.target]}: {text}")
    over = ids[lanes[0]] if len(lanes) == 1 else f"{ids[lanes[0]]},{ids[lanes[-1]]}"
    for sentence in _outcome(narrative):
        lines.append(f"    Note over {over}: {_escaped(sentence)}")
    return "\n".join(lines) + "\n"


def text(narrative: Narrative, width: int = 160) -> str:
    """Return the narrative as plain characters, at most ``width`` wide.

    Each lane is a column; what is said is written to the right of them.
    """
    lanes = _lanes(narrative)
    columns = [max(len(_NAMES.get(lane, lane)), 5) + 3 for lane in lanes]
    centres = [5 + sum(columns[:n]) + columns[n] // 2 for n in range(len(lanes))]
    margin = 5 + sum(columns) + 2
    room = max(width - margin, 30)
    witness = narrative.witness
    lines = [f"{witness.scenario}, {witness.target} ({witness.variant})", *witness.changed, ""]
    names = [_NAMES.get(lane, lane) for lane in lanes]
    head = "".join(name.center(w) for name, w in zip(names, columns, strict=True))
    lines.append(f"     {head}".rstrip())
    for arrow in arrows(narrative):
        at, to = lanes.index(arrow.source), lanes.index(arrow.target)
        drawn = _drawn(centres, at, to, margin, lost=arrow.lost)
        number = "" if arrow.number is None else str(arrow.number)
        sentence = words.clipped(words.one_line(arrow.text), room)
        lines.append(f"{number:>3}  {drawn[5:]}{sentence}".rstrip())
    return "\n".join([*lines, "", *_outcome(narrative)]) + "\n"


def _drawn(centres: list[int], at: int, to: int, margin: int, *, lost: bool = False) -> str:
    """Return the lanes' lines with an arrow, or a mark on one lane."""
    row = [" "] * margin
    for centre in centres:
        row[centre] = "|"
    if at == to:
        row[centres[at]] = "*"
        return "".join(row)
    left, right = sorted((centres[at], centres[to]))
    for column in range(left + 1, right):
        row[column] = "+" if row[column] == "|" else "-"
    if at < to:
        row[right - 1] = "x" if lost else ">"
    else:
        row[left + 1] = "x" if lost else "<"
    return "".join(row)


def _lanes(narrative: Narrative) -> list[str]:
    """Return the names of all who say or hear anything: attempts, who else moves, and taps."""
    named = [name for arrow in arrows(narrative) for name in (arrow.source, arrow.target)]
    witness, taps = narrative.witness, narrative.taps
    others = [name for name in named if name not in taps]
    return list(dict.fromkeys([*witness.attempts, *others, *taps]))


def _rows(moment: Moment) -> Iterator[Arrow]:
    actor = moment.step.actor
    for act in moment.acts:
        yield from _arrows_of(actor, act, failed=moment.step.fault is not None)
    wrong = words.mishap(moment.step)
    if wrong:
        yield _remark(actor, wrong)
    if moment.wait is not None:
        yield _remark(actor, words.waits(moment.wait))
    for name in moment.step.woken:
        yield _remark(name, "need not wait any longer")
    if not moment.acts and moment.wait is None and not wrong:
        yield _remark(actor, moment.step.label)


def _arrows_of(actor: str, act: Act, *, failed: bool) -> Iterator[Arrow]:
    match act:
        case Asked():
            yield _remark(actor, f"asks: {words.asked(act.event)}")
        case Reply():
            yield _remark(actor, f"is told: {words.told(act.event)}")
        case Exchange():
            tap = act.event.tap
            if act.sent:
                asked = gist(words.request_of(act))
                lost = failed and not act.arrived
                yield Arrow(number=None, source=actor, target=tap, text=asked, lost=lost)
            if act.answered and (act.arrived or not failed):
                answer, lost = words.answer(act.event), failed and not act.event.delivered
                yield Arrow(
                    number=None, source=tap, target=actor, text=answer, back=True, lost=lost
                )


def _remark(lane: str, remark: str) -> Arrow:
    return Arrow(number=None, source=lane, target=lane, text=remark)


def _outcome(narrative: Narrative) -> list[str]:
    again = [
        f"in recovery {reply.invoked.attempt} asks again: {words.asked(reply.invoked)}: "
        f"{words.told(reply.event)}"
        for reply in narrative.asked_again
    ]
    broken = narrative.witness.broken
    if not broken:
        return [*again, f"the execution is {narrative.witness.status.value}"]
    return [*again, *(f"broken: {invariant.words}" for invariant in broken)]


def _escaped(sentence: str) -> str:
    return words.one_line(sentence).translate(_ENTITIES)
