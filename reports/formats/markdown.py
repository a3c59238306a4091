"""``summary.md``: what a step summary of a CI run shows, in GitHub's Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.problem import Weight
from paidonce.harness.results.proof import Proof
from paidonce.harness.results.standing import Standing
from paidonce.reports.formats.report_format import ReportFormat
from paidonce.reports.load.advice import advice
from paidonce.reports.load.limits import limit_figures
from paidonce.reports.load.performance import profiles
from paidonce.reports.load.plots import figures
from paidonce.reports.load.provenance import Provenance
from paidonce.reports.load.saturation import saturation
from paidonce.reports.load.spending import spending_figures
from paidonce.reports.overview.backends import columns
from paidonce.reports.overview.grounds import rested
from paidonce.reports.overview.headline import Tone, headline
from paidonce.reports.overview.survival import survival_rows, why_open
from paidonce.reports.words import moment

TONES = {Tone.PROVEN: "✅", Tone.CONTRADICTED: "❌", Tone.UNDECIDED: "❔"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~])")


def summary(assessed: Assessment) -> str:
    """The verdict, the problems, which guard to choose, the matrix, and what was measured."""
    proof, told = assessed.proof, headline(assessed)
    parts = [
        f"## {TONES[told.tone]} paidonce: {told.word.lower()}",
        " ".join(escaped(sentence) for sentence in (told.sentence, *told.remarks)),
        *_problems(assessed),
        *_advice(proof),
        *_matrix(assessed),
        *_survivals(proof),
        *_rests(proof),
        *_backends(assessed),
        *_figures(proof),
        *_loads(proof),
        _origin(proof),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _problems(assessed: Assessment) -> list[str]:
    if not assessed.problems:
        return []
    lines = []
    for problem in assessed.problems:
        place = " in ".join(code(name) for name in (problem.variant, problem.scenario) if name)
        mark = {Weight.CONTRADICTED: "❌", Weight.UNDECIDED: "❔", Weight.NOTE: "➖"}[
            problem.weight
        ]
        line = f"- {mark} {f'{place}: ' if place else ''}{escaped(problem.text)}"
        if problem.history is not None:
            line += f" Look again: {code(f'paidonce check {problem.history}')}"
        lines.append(line)
    return ["### Problems", "\n".join(lines)]


def _rests(proof: Proof) -> list[str]:
    """Of a target: what each complete search rests on. A matrix of guards has too many."""
    if proof.noun == "guard":
        return []
    found = []
    for cell in proof.cells:
        parts = rested(cell.search)
        if not parts:
            continue
        lines = []
        for part in parts:
            lines.append(f"- {part.title}")
            for text, confirmed in part.claims:
                open_one = "" if confirmed else " (not tried: the time was over)"
                lines.append(f"  - {escaped(text)}{open_one}")
        summary = f"<details><summary>What {escaped(cell.variant)} rests on</summary>"
        found.append("\n\n".join([summary, "\n".join(lines), "</details>"]))
    return found


def _matrix(assessed: Assessment) -> list[str]:
    """Scenarios down, guards across: the longer list down, where a page has room."""
    proof = assessed.proof
    if not proof.cells:
        return []
    header = ["scenario", *(code(variant.name) for variant in proof.variants)]
    declared = ("*sound*" if variant.sound else "*vulnerable*" for variant in proof.variants)
    rows = [["*declared*", *declared]]
    for scenario in proof.scenarios:
        row = [code(scenario.name)]
        for variant in proof.variants:
            place = (variant.name, scenario.name)
            row.append(_cell(assessed.standing(*place), assessed.tally(*place)))
        rows.append(row)
    used = {assessed.standing(v.name, s.name) for v in proof.variants for s in proof.scenarios}
    legend = "<br>".join(
        f"{kind.look.emoji} {kind.look.word}: {kind.look.meaning}"
        for kind in Standing
        if kind in used
    )
    return [
        f"### {proof.noun.capitalize()}s and scenarios",
        _table(header, rows),
        f"<sub>{legend}</sub>",
    ]


def _survivals(proof: Proof) -> list[str]:
    """Adversities down, guards across, and why a search did not come to its end."""
    rows = survival_rows(proof)
    if not rows:
        return []
    header = ["under failure", *(code(variant.name) for variant in proof.variants)]
    table = _table(header, [[escaped(row.adversity.title), *row.told] for row in rows])
    legend = (
        "survives: at most one failure at any step, all searched, and recovered. caught: a "
        "counterexample, as declared. open: not searched to its end. !: not as declared"
    )
    lines = [f"- {escaped(places)}: {escaped(reason)}" for reason, places in why_open(proof)]
    return [
        f"### {proof.noun.capitalize()}s under failure",
        table,
        f"<sub>{escaped(legend)}</sub>",
        "\n".join(lines),
    ]


def _cell(kind: Standing, count: str) -> str:
    look = kind.look
    word = f"**{look.word}**" if kind.contradicts or kind is Standing.ERROR else look.word
    return f"{look.emoji} {word}{f' {count}' if count else ''}"


def _backends(assessed: Assessment) -> list[str]:
    """Scenarios down, sets of backends across, and what each set could not judge."""
    proof, backend_columns = assessed.proof, columns(assessed)
    if not backend_columns:
        return []
    header = ["scenario", *(code(column.name) for column in backend_columns)]
    rows = []
    for number, scenario in enumerate(proof.scenarios):
        row = [code(scenario.name)]
        for column in backend_columns:
            entry = column.entries[number] if column.entries else None
            words = "not to be had" if entry is None else entry.words
            row.append(f"**{words}**" if entry is not None and entry.loud else words)
        rows.append(row)
    lines = []
    for column in backend_columns:
        told = [*column.backends, *([column.missing] if column.missing else [])]
        lines.append(f"- {code(column.name)}: {escaped(', '.join(told))}")
        lines += [f"  - {escaped(want.words)}" for want in column.wants]
    return ["### Backends", _table(header, rows), "\n".join(lines)]


def _advice(proof: Proof) -> list[str]:
    """The table that comes first in the page as well."""
    found = advice(proof)
    if found is None:
        return []
    rows = []
    for row in found.rows:
        mark = "✅" if row.good else "❌"
        figures = ("not measured" if figure is None else str(figure) for figure in row.figures)
        cells = (f"{mark} {row.correct}", *figures, row.costs, row.choose)
        rows.append([code(row.guard), *(escaped(cell) for cell in cells)])
    note = f"{escaped(found.note)} {_made(found.made)}".strip()
    return ["### Which guard to choose", _table(found.header, rows), note]


def _figures(proof: Proof) -> list[str]:
    """Return what the curves of the page show, as tables."""
    parts = []
    for figure in (*figures(proof), *spending_figures(proof), *limit_figures(proof)):
        if not figure.rows:
            continue
        parts.append(f"### {escaped(figure.title)}")
        parts.append(escaped(figure.note))
        rows = [[code(row[0]), *(escaped(value) for value in row[1:])] for row in figure.rows]
        parts.append(_table(figure.header, rows, numbers=True))
        parts.append(_made(figure.made))
    return parts


def _made(made: Provenance) -> str:
    return f"<sub>{escaped(made.words)}. Again: {code(made.command)}</sub>"


def _loads(proof: Proof) -> list[str]:
    parts = []
    for profile in (*saturation(proof), *profiles(proof)):
        parts.append(f"### Load: {escaped(profile.name)}")
        parts.append(escaped(profile.settings))
        rows = [[code(row[0]), *(escaped(value) for value in row[1:])] for row in profile.rows]
        parts.append(_table(profile.header, rows, numbers=True))
        parts.append(_made(profile.made))
    return parts


def _origin(proof: Proof) -> str:
    machine = proof.machine
    backends = ", ".join(f"{role}: {what}" for role, what in machine.backends.items())
    text = (
        f"{moment(proof.started)}, {proof.seconds:.0f} s, seed {proof.seed}; "
        f"paidonce {machine.paidonce}, Python {machine.python}, "
        f"{machine.system}, {machine.cpus} CPUs"
    )
    return f"<sub>{escaped(text + (f'; {backends}' if backends else ''))}</sub>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False) -> str:
    rule = [":--", *("--:" if numbers else ":--" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def code(name: str) -> str:
    """A code span; table cells split at bars even inside one, so these are escaped there."""
    plain = " ".join(name.split()).replace("`", "ˋ")
    return f"`{plain}`".replace("|", "\\|")


def escaped(text: str) -> str:
    """``text`` as it is read, whatever Markdown makes of its characters."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _make(assessed: Assessment, _folder: Path) -> bytes:
    return summary(assessed).encode("utf-8", "replace")


FORMAT = ReportFormat(
    name="markdown",
    file="summary.md",
    make=_make,
)
