"""``paidonce doctor``: what is available on this machine, and how to get what is not."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from paidonce.harness.backends.doctor import examine
from paidonce.harness.backends.kept_databases import KeptDatabases, cache_folder, moment
from paidonce.harness.errors import Unavailable


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
    console = Console(highlight=False)
    console.print(table)
    for line in kept_lines(cache_folder()):
        console.print(line, markup=False, soft_wrap=True)
    return 0


def kept_lines(folder: Path) -> list[str]:
    """Say which migrated databases are kept in ``folder``, and how to be rid of them."""
    try:
        kept = KeptDatabases(folder).all() if folder.is_dir() else []
    except Unavailable as error:
        return [f"Migrated databases that are kept: none; {error}"]
    if not kept:
        return [f"Migrated databases that are kept: none (in {folder})"]
    megabytes = sum(one.path.stat().st_size for one in kept) / 1e6
    lines = [f"Migrated databases that are kept: {len(kept)}, {megabytes:.0f} MB, in {folder}"]
    for kept_database in kept:
        notes = kept_database.notes
        lines.append(
            f"  {notes.origin}: made at {notes.when} in {notes.seconds:.0f} s, "
            f"until {moment(notes.until)}"
        )
    return [*lines, "  paidonce check --fresh makes one again; remove the folder to be rid of all"]
