"""``paidonce check``: judge recorded histories again, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.checkers import judge
from harness.history import read_history
from harness.results import Run
from harness.verdict import merge
from reports import terminal


def check_command(
    histories: Annotated[
        list[Path], typer.Argument(help="History files (.jsonl).", metavar="HISTORY...")
    ],
    checkers: Annotated[
        list[str] | None,
        typer.Option(
            "--checker",
            "-c",
            help="Only this checker; may be given more than once.",
            metavar="NAME",
        ),
    ] = None,
) -> int:
    """Judge recorded histories again, without running anything.

    By default the checkers that the scenario named are used. Exit code: 0 if every history is
    valid, 1 if one is not, 3 if one could not be decided.
    """
    console = Console()
    statuses = []
    for path in histories:
        history = read_history(path)
        verdicts = judge(history, tuple(checkers) if checkers else None)
        status = merge(verdict.status for verdict in verdicts)
        run = Run(history=str(path), status=status, verdicts=verdicts, seconds=0.0)
        console.print(terminal.render_verdicts(run))
        statuses.append(status)
    return merge(statuses).exit_code
