"""How long commands show that they go on; on standard error, and gone when the work is done."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text


def bar() -> Progress:
    """A bar that says what is being done, how much is done, and for how long it has been."""
    return Progress(
        TextColumn("{task.description:<44}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def status_line() -> Live:
    """A line that says what is being done: ``update`` it."""
    return Live(
        Text("starting"), console=Console(stderr=True), transient=True, refresh_per_second=8
    )
