"""``paidonce stripe``: the simulator for a person at a terminal."""

from __future__ import annotations

import msgspec
import typer

from harness.simulator.cli import parse
from harness.simulator.server import serve

PORT = "12111"
"""Where stripe-mock listens too, so that whatever pointed there goes on working."""


def stripe_command(context: typer.Context) -> int:
    """Serve the Stripe simulator on this machine until Ctrl-C.

    Takes the options of `python -m harness.simulator` (see `paidonce stripe -- --help`); the port
    is 12111 unless --port says otherwise.
    """
    given = list(context.args)
    if not any(one == "--port" or one.startswith("--port=") for one in given):
        given = ["--port", PORT, *given]
    settings = parse(given, program="paidonce stripe")
    serve(msgspec.structs.replace(settings, for_people=True))
    return 0
