"""The ``paidonce`` command: what a person types, and the exit code a machine reads.

Exit codes: 0 valid (all as declared), 1 invalid, 2 wrong usage or something missing, 3 unknown,
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import click
import typer
from rich.console import Console

import harness
from harness.cli import check, doctor, listing, load, proving, report
from harness.errors import PaidonceError

INTERRUPTED = 130

app = typer.Typer(
    name="paidonce",
    help=(
        "Prove that a payment service charges exactly once.\n\n"
        "Fires concurrent payment attempts at a service on a real Postgres, records everything "
        "that happens, and judges it: one success, a clean 409 for everybody else, no second "
        "payment intent, no money lost or taken twice.\n\n"
        "Start with [bold]paidonce prove[/bold]; see one race with "
        "[bold]paidonce run two_tabs --guard none[/bold]."
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


app.command("prove")(proving.prove_command)
app.command("run")(proving.run_command)
app.command("check")(check.check_command)
app.command("load")(load.load_command)
app.command("report")(report.report_command)
app.command("doctor")(doctor.doctor_command)
app.command("list")(listing.list_command)


def run() -> None:
    """Entry point: runs the command line and leaves with its exit code."""
    sys.exit(main())


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code and prints what went wrong as one message."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="paidonce", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except PaidonceError as error:
        Console(stderr=True, highlight=False).print(f"[bold red]error:[/bold red] {_plain(error)}")
        return error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away; give the interpreter nothing left to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _plain(error: PaidonceError) -> str:
    return str(error).replace("[", r"\[")
