"""``comment.md``: what a pull request's comment and a step summary show. Pure.

GitHub and GitLab both draw Mermaid diagrams in Markdown. The first line is a mark by which an
earlier comment is found again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.findings import Finding, Level
from paidonce.harness.verdict import Status
from paidonce.reports.formats.markdown import TONES, code, escaped
from paidonce.reports.overview.headline import headline
from paidonce.reports.overview.searches import search_words

LIMIT = 60_000
"""Characters; a comment may have 65,536 (the API's own limit), a step summary 1 MiB."""

_MARKS = {Level.ERROR: "❌", Level.WARNING: "❔", Level.ACCEPTED: "⚠️"}
_TITLES = {
    Level.ERROR: "Broken",
    Level.WARNING: "Not decided: no reason for red, and none for green",
    Level.ACCEPTED: "Accepted for a time",
}


def comment(
    assessed: Assessment,
    *,
    replay: Callable[[Finding], str | None],
    diagrams: Mapping[str, str],
    notes: Sequence[str] = (),
) -> str:
    """The verdict, every finding, and a diagram for each witness (by its file) while they fit."""
    proof = assessed.proof
    target = proof.scenarios[0].name if proof.scenarios else "target"
    told = headline(assessed)
    parts = [
        f"<!-- paidonce {target} -->",
        f"## {TONES[told.tone]} paidonce: {escaped(target)} {told.word.lower()}",
        *_variants(assessed),
    ]
    for level in Level:
        mine = [finding for finding in assessed.findings if finding.level is level]
        if mine:
            lines = [_line(finding, replay(finding)) for finding in mine]
            parts += [f"### {_TITLES[level]}", "\n".join(lines)]
    parts += [f"- {escaped(note)}" for note in notes]
    text = "\n\n".join(parts) + "\n"
    for witness, diagram in diagrams.items():
        drawn = (
            f"\n<details><summary>How it came to it: {escaped(witness)}</summary>\n\n"
            f"```mermaid\n{diagram}```\n\n</details>\n"
        )
        if len(text) + len(drawn) <= LIMIT:
            text += drawn
    return text[:LIMIT]


def _variants(assessed: Assessment) -> list[str]:
    proof = assessed.proof
    if not proof.cells:
        return []
    rows = []
    for cell in proof.cells:
        look = assessed.of(cell).look
        claimed = "to be caught" if cell.expected is Status.INVALID else "to hold"
        words = escaped(search_words(cell.search)) if cell.search is not None else ""
        rows.append(f"| {code(cell.variant)} | {claimed} | {look.emoji} {look.word} | {words} |")
    return ["| variant | claimed | found | |\n| :-- | :-- | :-- | :-- |\n" + "\n".join(rows)]


def _line(one: Finding, replay: str | None) -> str:
    said = f"- {_MARKS[one.level]} {code(one.id)}: {escaped(one.why)}"
    if one.accepted:
        said += f"; {escaped(one.accepted)}"
    return said + (f"<br>replay it: {code(replay)}" if replay is not None else "")
