"""``paidonce compare``: whether one load run is slower than another, and how certain that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from paidonce import reports
from paidonce.harness.load.analyse.comparison import Change, Comparison, Figure, compare
from paidonce.harness.verdict import Status
from paidonce.reports.formats.store import write_file
from paidonce.reports.words import number

_STYLES = {Change.SLOWER: "bold red", Change.FASTER: "green", Change.UNCLEAR: "yellow"}
_HEADER = ("guard", "profile", "figure", "before", "after", "× as long", "between", "")


def compare_command(
    before: Annotated[Path, typer.Argument(help="Folder of the earlier run, or its results.json.")],
    after: Annotated[Path, typer.Argument(help="Folder of the later run, or its results.json.")],
    threshold: Annotated[
        float, typer.Option(help="The slowdown that matters, as a share: 0.05 is 5 %.")
    ] = 0.05,
    certainty: Annotated[
        float,
        typer.Option(help="The probability with which all that is said is true, taken together."),
    ] = 0.95,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the table to this file, for a pull request.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
) -> int:
    """Compare two load runs that were repeated, and say which guards are slower.

    Make them with [bold]paidonce load --repeat 8[/bold]. Exit code 1 if a guard is slower by more
    than the threshold beyond doubt, else 0: what may be noise is named, and is not a failure.
    """
    comparison = compare(
        reports.load(before), reports.load(after), threshold=threshold, certainty=certainty
    )
    console = Console()
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in _HEADER:
        table.add_column(name)
    for figure in comparison.figures:
        table.add_row(*_row(figure), Text(figure.change, style=_STYLES.get(figure.change, "")))
    console.print(table)
    for line in _remarks(comparison, threshold):
        console.print(Text(line), soft_wrap=True)
    if markdown is not None:
        write_file(markdown, as_markdown(comparison, threshold).encode())
    if json is not None:
        write_file(json, msgspec.json.format(msgspec.json.encode(comparison), indent=1))
    return (Status.INVALID if comparison.slower else Status.VALID).exit_code


def as_markdown(found: Comparison, threshold: float) -> str:
    """The comparison as a table and its remarks."""
    lines = [
        "| " + " | ".join((*_HEADER[:-1], "verdict")) + " |",
        "|" + "---|" * len(_HEADER),
        *(
            "| " + " | ".join((*_row(figure), f"**{figure.change}**")) + " |"
            for figure in found.figures
        ),
        "",
        *(f"{line}  " for line in _remarks(found, threshold)),
    ]
    return "\n".join(lines) + "\n"


def _row(figure: Figure) -> tuple[str, ...]:
    unit = "ms"
    scale = 1000.0 if figure.name.startswith("seconds") else 1.0
    name = figure.name.replace("seconds", "ms")
    return (
        figure.variant,
        figure.profile,
        name,
        f"{number(figure.before * scale)} {unit}",
        f"{number(figure.after * scale)} {unit}",
        f"{figure.factor:.2f}",
        f"{figure.low:.2f} to {figure.high:.2f}",
    )


def _remarks(found: Comparison, threshold: float) -> list[str]:
    names = list(dict.fromkeys(figure.variant for figure in found.slower))
    said = (
        f"slower by more than {threshold:.0%}: {', '.join(names)}"
        if names
        else f"no guard is slower by more than {threshold:.0%} beyond doubt"
    )
    remarks = [said]
    if not found.relative:
        remarks.append(
            "the machine's own speed was not measured in both runs: differences may be its own"
        )
    else:
        remarks.append(
            "before and after are as measured; in the rest the machine's own speed, measured in "
            "each round, is taken into account, however much of it counts"
        )
    if found.alone:
        remarks.append(f"measured in one of the two only: {', '.join(found.alone)}")
    return remarks
