"""``paidonce report``: write the reports of an earlier run, or the page of a witness."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from paidonce import reports
from paidonce.reports.formats import terminal


def report_command(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of an earlier run, its results.json, or a witness file.",
            metavar="FOLDER|WITNESS",
        ),
    ] = Path("paidonce-report/latest"),
) -> int:
    """Write the reports of an earlier run again: HTML, JUnit XML, Markdown, JSON.

    The exit code is that of the run itself. Of a witness (a file named .witness.json) it is the
    page that shows it step by step, written beside it.
    """
    console = Console()
    if folder.name.endswith(".witness.json"):
        page = reports.write_witness_page(folder)
        console.print(f"report: {page}", highlight=False, soft_wrap=True)
        return 0
    proof = reports.load(folder)
    assessed = reports.assess(proof)
    where = folder if folder.is_dir() else folder.parent
    if proof.cells or not proof.loads:
        console.print(terminal.render_matrix(assessed, console.width))
    if proof.loads:
        console.print(terminal.render_loads(proof))
    console.print(terminal.render_headline(assessed))
    for path in reports.write_all(assessed, where).values():
        console.print(f"  {path}", highlight=False, soft_wrap=True)
    return assessed.exit_status
