"""``paidonce figures``: what a load run measured, as a table for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from paidonce import reports
from paidonce.harness.errors import UsageError
from paidonce.reports.formats.tables import write_csv, write_table
from paidonce.reports.load.figures import OPERATION, measurements, operations


def figures_command(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of an earlier load run, or its results.json.", metavar="FOLDER"
        ),
    ] = Path("paidonce-report/latest"),
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, which must be new and end in .csv or .parquet. "
            "\\[default: CSV to standard output]",
            show_default=False,
        ),
    ] = None,
    each: Annotated[
        bool,
        typer.Option("--operations", help="One row for each operation, not for each measurement."),
    ] = False,
) -> int:
    """Write the figures of a load run as CSV or Parquet.

    One row for each measurement (guard, profile, conditions, rate, round), with the machine,
    versions and settings it was made with; or one for each operation, from the histories.
    """
    proof = reports.load(folder)
    if not proof.loads:
        raise UsageError(f"{folder}: no load was measured there; make a run with paidonce load")
    where = folder if folder.is_dir() else folder.parent
    if each:
        columns = OPERATION
        rows = (row for load in proof.loads for row in operations(load, where))
        if out is None:
            write_csv(rows, list(columns), sys.stdout)
        else:
            write_table(rows, columns, out)
    else:
        found = measurements(proof)
        if out is None:
            write_csv(found, list(found[0]), sys.stdout)
        else:
            write_table(found, None, out)
    return 0
