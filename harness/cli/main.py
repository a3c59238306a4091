"""The ``paidonce`` command: what a person types, and the exit code a machine reads.

Exit codes: 0 valid (all as declared), 1 invalid, 2 wrong usage or something missing, 3 unknown,
130 interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from paidonce import harness
from paidonce.harness.cli import (
    check,
    comparing,
    doctor,
    exploring,
    exporting,
    figures,
    listing,
    load,
    merging,
    predicting,
    proving,
    replaying,
    report,
    stepping,
    stripe_checking,
    stripe_serving,
    target_init,
    target_schema,
)
from paidonce.harness.cli.helping import HELP, epilog, words
from paidonce.harness.cli.leaving import leaves

app = typer.Typer(
    name="paidonce",
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


_COMMANDS: dict[str, Callable[..., int]] = {
    "prove": proving.prove_command,
    "run": proving.run_command,
    "explore": exploring.explore_command,
    "predict": predicting.predict_command,
    "replay": replaying.replay_command,
    "step": stepping.step_command,
    "export": exporting.export_command,
    "check": check.check_command,
    "init": target_init.init_command,
    "schema": target_schema.schema_command,
    "stripe-check": stripe_checking.stripe_check_command,
    "load": load.load_command,
    "merge": merging.merge_command,
    "compare": comparing.compare_command,
    "figures": figures.figures_command,
    "report": report.report_command,
    "doctor": doctor.doctor_command,
    "list": listing.list_command,
    "stripe": stripe_serving.stripe_command,
}
# Its options are the simulator's own, which reads them itself.
_PASSED_ON = {
    "stripe": {
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
}
for _name, _help in HELP.items():
    _command = _COMMANDS[_name]
    app.command(
        _name,
        help=words(_command),
        epilog=epilog(_name),
        rich_help_panel=_help.panel,
        context_settings=_PASSED_ON.get(_name),
    )(leaves(_command))


def run() -> None:
    """Entry point: runs the command line and leaves with its exit code."""
    app(prog_name="paidonce")
