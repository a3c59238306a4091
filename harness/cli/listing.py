"""``paidonce list``: the scenarios, guards and checkers there are."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from paidonce.harness.checkers import CHECKERS
from paidonce.scenarios.catalog import SCENARIOS
from paidonce.scenarios.reference import TARGET


def list_command() -> int:
    """List the scenarios, the guards of the reference service, and the checkers."""
    console = Console()
    scenarios = Table(title="Scenarios", title_justify="left", box=None)
    scenarios.add_column("name", style="bold", no_wrap=True)
    scenarios.add_column("story")
    for scenario in SCENARIOS:
        scenarios.add_row(scenario.name, scenario.story)
    guards = Table(title="\nGuards", title_justify="left", box=None)
    for column in ("name", "declared", "what it does"):
        guards.add_column(column, no_wrap=column != "what it does")
    for variant in TARGET.variants:
        guards.add_row(variant.name, "sound" if variant.sound else "vulnerable", variant.summary)
    checkers = Table(title="\nCheckers", title_justify="left", box=None)
    checkers.add_column("name", style="bold", no_wrap=True)
    checkers.add_column("what it finds")
    for name, checker in CHECKERS.items():
        checkers.add_row(name, checker.title)
    for table in (scenarios, guards, checkers):
        console.print(table)
    return 0
