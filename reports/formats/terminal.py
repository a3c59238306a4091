"""A proof on a terminal, by rich; it says the same without colour, and fits eighty columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.proof import Proof, Run, Variant
from paidonce.harness.results.standing import Standing
from paidonce.harness.verdict import Status
from paidonce.reports.load.performance import Profile, profiles
from paidonce.reports.load.plots import figures
from paidonce.reports.load.saturation import saturation
from paidonce.reports.overview.backends import columns
from paidonce.reports.overview.headline import Tone, headline
from paidonce.reports.overview.survival import survival_rows, why_open
from paidonce.reports.words import duration

_STYLES = {
    Standing.PROVED: "bold green",
    Standing.HELD: "green",
    Standing.CAUGHT: "blue",
    Standing.BROKEN: "bold white on red",
    Standing.MISSED: "bold white on red",
    Standing.ACCEPTED: "yellow",
    Standing.UNKNOWN: "yellow",
    Standing.NOT_JUDGED: "dim",
    Standing.SKIPPED: "dim",
    Standing.ERROR: "bold yellow",
    Standing.NOT_RUN: "dim",
}
_TONES = {Tone.PROVEN: "bold green", Tone.CONTRADICTED: "bold red", Tone.UNDECIDED: "bold yellow"}
_VERDICTS = {Status.VALID: "green", Status.INVALID: "bold red", Status.UNKNOWN: "yellow"}


_SURVIVALS = {"survives": "+", "caught": "c", "open": "."}
_LETTERS = "abcdefghijklmnopqrstuvwxyz-"
_CELLS = 8
"""So many open cells are told of one reason."""
_UNDER_FAILURE = (
    "survives: at most one failure at any step, all searched, and recovered; open: not searched to "
    "its end; !: not as declared"
)
_SEARCHED = (
    "proved: complete search of all interleavings of 2 attempts; held: survived as often as played"
)


def render_headline(assessed: Assessment) -> Text:
    """The verdict of the whole proof, with its remarks, one a line."""
    told = headline(assessed)
    text = Text()
    text.append(told.word.upper(), style=_TONES[told.tone])
    text.append(f"  {told.sentence}")
    for remark in told.remarks:
        text.append(f"\n{remark}", style="dim")
    return text


def render_survivals(proof: Proof) -> Table:
    """Adversities down, guards across by number, a letter for each."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("under failure", overflow="fold")
    for number, _ in enumerate(proof.variants, start=1):
        table.add_column(str(number), no_wrap=True)
    styles = {"survives": "green", "caught": "green", "open": "yellow"}
    used: dict[str, str] = {}
    for row in survival_rows(proof):
        cells = []
        for word in row.words:
            letter = _SURVIVALS.get(word.removesuffix("!"), "-") + word[-1:].strip(_LETTERS)
            used[letter] = word
            cells.append(Text(letter, styles.get(word, "bold red")))
        table.add_row(Text(row.adversity.title), *cells)
    guards = " ".join(f"{n}={variant.name}" for n, variant in enumerate(proof.variants, start=1))
    letters = ", ".join(f"{letter}={word}" for letter, word in used.items() if word != "-")
    notes = [f"{proof.noun}s: {guards}", letters, _UNDER_FAILURE]
    notes += [f"open: {places}: {reason}" for reason, places in why_open(proof, _CELLS)]
    table.caption = Text("\n".join(notes), justify="left")
    table.caption_justify = "left"
    return table


def render_matrix(assessed: Assessment, width: int = 100) -> Table:
    """Scenarios down, guards across, for a terminal of ``width`` columns.

    The first of three ways that fits: guards by name and cells in words with their tallies;
    guards by number and cells in words; guards by number and cells as letters. What a number or
    a letter stands for is said under the table.
    """
    proof = assessed.proof
    kinds = {
        (v.name, s.name): assessed.standing(v.name, s.name)
        for v in proof.variants
        for s in proof.scenarios
    }

    def shown(place: tuple[str, str], style: str) -> str:
        if style == "letters":
            return kinds[place].look.letter
        count = assessed.tally(*place) if style == "named" else ""
        return f"{kinds[place].look.word} {count}".strip()

    def heading(number: int, variant: Variant, style: str) -> str:
        return variant.name if style == "named" else str(number)

    def needed(style: str) -> int:
        widths = [max([len(scenario.name) for scenario in proof.scenarios], default=8)]
        for number, variant in enumerate(proof.variants, start=1):
            entries = [shown((variant.name, s.name), style) for s in proof.scenarios]
            entries.append(heading(number, variant, style))
            widths.append(max(len(entry) for entry in entries))
        return sum(widths) + len(widths)

    style = next((s for s in ("named", "words", "letters") if needed(s) <= width), "letters")
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("scenario", no_wrap=True)
    for number, variant in enumerate(proof.variants, start=1):
        table.add_column(escape(heading(number, variant, style)), no_wrap=True)
    for scenario in proof.scenarios:
        places = [(variant.name, scenario.name) for variant in proof.variants]
        row = [Text(shown(place, style), _STYLES[kinds[place]]) for place in places]
        table.add_row(Text(scenario.name), *row)
    notes = _notes(proof, style, list(dict.fromkeys(kinds.values())))
    if notes:
        table.caption = Text("\n".join(notes), justify="left")
        table.caption_justify = "left"
    return table


def _notes(proof: Proof, style: str, used: list[Standing]) -> list[str]:
    searched = any(cell.search is not None for cell in proof.cells)
    marks = [_SEARCHED] if searched else []
    if style == "named":
        return marks
    entries = [
        f"{number}={variant.name}{'' if variant.sound else '*'}"
        for number, variant in enumerate(proof.variants, start=1)
    ]
    notes = [f"{proof.noun}s (*: declared vulnerable): {' '.join(entries)}"]
    if style == "letters":
        notes.append(", ".join(f"{kind.look.letter}={kind.look.word}" for kind in used))
    return [*notes, *marks]


def render_backends(assessed: Assessment) -> Table | None:
    """Scenarios down, sets of backends across; None where there is but one."""
    backend_columns = columns(assessed)
    if len(backend_columns) < 2:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("scenario", *(column.name for column in backend_columns)):
        table.add_column(escape(name), overflow="fold")
    for number, scenario in enumerate(assessed.proof.scenarios):
        row = [Text(scenario.name)]
        for column in backend_columns:
            entry = column.entries[number] if column.entries else None
            style = "bold white on red" if entry is not None and entry.loud else ""
            row.append(Text("not to be had" if entry is None else entry.words, style))
        table.add_row(*row)
    return table


def render_verdicts(run: Run) -> Table:
    """The verdicts of one run, worst first: checker, conclusion, reason."""
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    for name in ("verdict", "checker", "reason"):
        table.add_column(name, no_wrap=name != "reason", overflow="fold")
    order = (Status.INVALID, Status.UNKNOWN, Status.VALID)
    for verdict in sorted(run.verdicts, key=lambda verdict: order.index(verdict.status)):
        word = verdict.status.value.upper()
        table.add_row(
            Text(word, _VERDICTS[verdict.status]), Text(verdict.checker), Text(verdict.reason)
        )
    spent = duration(run.seconds * 1e9)
    table.caption = Text(f"{run.status.value} in {spent}; history: {run.history}")
    table.caption_justify = "left"
    return table


def render_loads(proof: Proof) -> RenderableType:
    """The figures of the load runs: a table for each profile, or for each thing that was varied."""
    varied = [figure for figure in figures(proof) if figure.rows]
    tables: list[RenderableType] = [
        _figures(figure.title, figure.header, figure.rows) for figure in varied
    ]
    for profile in saturation(proof):
        tables.append(_figures(_titled(profile), profile.header, profile.rows))
    for profile in () if varied else profiles(proof):
        tables.append(_Fitting(profile))
    return Group(*tables)


@dataclass(frozen=True)
class _Fitting:
    """A profile with as many of its columns as there is room for, the most telling first; names
    the columns that are left out."""

    profile: Profile

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        free = options.update_width(_NO_LIMIT)  # else it is never told to be wider than allowed
        for most in range(len(_TELLING), _FEWEST - 1, -1):
            table = self._with(_TELLING[:most])
            if Measurement.get(console, free, table).maximum <= options.max_width:
                break
        yield table

    def _with(self, names: Sequence[str]) -> Table:
        header = self.profile.header
        wanted = [at for at, name in enumerate(header) if name in names]
        rows = [[row[at] for at in wanted] for row in self.profile.rows]
        table = _figures(_titled(self.profile), [header[at] for at in wanted], rows)
        left = [name for name in _TELLING if name in header and name not in names]
        if left:
            table.caption = Text(f"in the report also: {', '.join(left)}")
            table.caption_justify = "left"
        return table


_TELLING = (
    "guard",
    "verdict",
    "payments/s",
    "p99 ms",
    "rejected",
    "answers/s",
    "p50 ms",
    "retries",
    "rollbacks",
    "lock waits · share of time",
)
"""The columns of a profile for which there may be room in a terminal, the most telling first."""
_FEWEST = 5
_NO_LIMIT = 1000
_WORDS = ("guard", "why", "verdict")
"""Columns that are read, not compared."""


def _titled(profile: Profile) -> str:
    return f"load {profile.name}: {profile.settings}"


def _figures(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", title=Text(title))
    for at, name in enumerate(header):
        reads = at == 0 or name in _WORDS
        table.add_column(name, justify="left" if reads else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
