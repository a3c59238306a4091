"""The ``paidonce`` command: what a person types, and the exit code a machine reads.

Exit codes: 0 valid (all as declared), 1 invalid, 2 wrong usage or something missing, 3 unknown,
130 interrupted.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, MutableMapping
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from paidonce import harness
from paidonce.harness.cli.helping import HELP, epilog, words
from paidonce.harness.cli.leaving import leaves

_COMMANDS = {
    "prove": "proving:prove_command",
    "run": "proving:run_command",
    "explore": "exploring:explore_command",
    "predict": "predicting:predict_command",
    "replay": "replaying:replay_command",
    "step": "stepping:step_command",
    "export": "exporting:export_command",
    "check": "check:check_command",
    "init": "target_init:init_command",
    "schema": "target_schema:schema_command",
    "stripe-check": "stripe_checking:stripe_check_command",
    "load": "load:load_command",
    "merge": "merging:merge_command",
    "compare": "comparing:compare_command",
    "figures": "figures:figures_command",
    "report": "report:report_command",
    "doctor": "doctor:doctor_command",
    "list": "listing:list_command",
    "stripe": "stripe_serving:stripe_command",
}
"""Where each command is: all of them together take seconds to import, and one is asked for."""
# Its options are the simulator's own, which reads them itself.
_PASSED_ON = {
    "stripe": {
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
}


def _command(name: str) -> Any:
    """Return the command of that name, imported."""
    module, function = _COMMANDS[name].split(":")
    found: Callable[..., int] = getattr(
        importlib.import_module(f"paidonce.harness.cli.{module}"), function
    )
    alone = typer.Typer(
        rich_markup_mode="rich", pretty_exceptions_enable=False, add_completion=False
    )
    alone.command(
        name,
        help=words(found),
        epilog=epilog(name),
        rich_help_panel=HELP[name].panel,
        context_settings=_PASSED_ON.get(name),
    )(leaves(found))
    return typer.main.get_command(alone)


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each imported when it is asked for."""

    def __init__(self) -> None:
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in HELP:
            raise KeyError(name)
        if name not in self._imported:
            self._imported[name] = _command(name)
        return self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(HELP)

    def __len__(self) -> int:
        return len(HELP)

    def __setitem__(self, name: str, command: Any) -> None:
        self._imported[name] = command

    def __delitem__(self, name: str) -> None:
        del self._imported[name]


class _Group(TyperGroup):
    """The commands behind one name; their list is shown without importing them."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**{**told, "commands": _Commands()})

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page of all commands."""
        imported = self.commands
        self.commands = {name: _listed(name) for name in HELP}
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = imported


def _listed(name: str) -> Any:
    """Return what the list of commands shows of the one of that name."""
    return TyperCommand(name, help=HELP[name].summary, rich_help_panel=HELP[name].panel)


app = typer.Typer(
    name="paidonce",
    cls=_Group,
    help=(
        "Prove that a payment service charges exactly once.\n\n"
        "Fires concurrent payment attempts at a service on a real Postgres, records everything "
        "that happens, and judges it: one success, a clean 409 for everybody else, no second "
        "payment intent, no money lost or taken twice.\n\n"
        "Start with [bold]paidonce prove[/bold], or with [bold]paidonce init[/bold] for a service "
        "of your own; see one race with [bold]paidonce run two_tabs --guard none[/bold]."
    ),
    epilog="Exit codes: 0 valid, 1 invalid, 2 wrong usage or something missing, 3 unknown.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"paidonce {harness.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def run() -> None:
    """Entry point: runs the command line and leaves with its exit code."""
    app(prog_name="paidonce")
