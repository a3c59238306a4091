"""``paidonce stripe``: the simulator for a person at a terminal."""

from __future__ import annotations

import msgspec
import typer

from paidonce.harness.simulator.cli import parse
from paidonce.harness.simulator.http.server import serve

PORT = "12111"
"""Where stripe-mock listens too, so that whatever pointed there goes on working."""


def stripe_command(context: typer.Context) -> int:
    """Serve the Stripe simulator on this machine until Ctrl-C.

    It has a live page, and makes payments, refunds and webhooks as Stripe documents them.
    """
    settings = parse(context.args, program="paidonce stripe", port=PORT)
    serve(msgspec.structs.replace(settings, for_people=True))
    return 0
