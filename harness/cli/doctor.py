"""``paidonce doctor``: what is available on this machine, and how to get what is not."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from paidonce.harness.backends.doctor import examine


def doctor_command() -> int:
    """Say which backends and tools this machine has, in which version, and how to get the rest."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "component", "version", "what it is for, or how to get it"):
        table.add_column(column, overflow="fold")
    for finding in examine():
        mark = "[green]✓[/green]" if finding.available else "[yellow]–[/yellow]"
        said = [finding.detail] if finding.available else [finding.detail, finding.remedy]
        words = ". ".join(part.rstrip(". ") for part in said if part)
        table.add_row(mark, finding.component, finding.version or "", escape(words))
    Console().print(table)
    return 0
