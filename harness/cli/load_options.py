"""Options of ``paidonce load`` that say how its clients behave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from paidonce.harness.backends.urls import looks_like_url
from paidonce.harness.errors import UsageError
from paidonce.harness.load.generate.job import MAX_PATIENCE, OWN_CONTENTION
from paidonce.harness.load.observe.stripe_latency import stripe_spread
from paidonce.harness.load.plan.contention import contention
from paidonce.harness.load.plan.retrying import MOST_RETRIES
from paidonce.harness.load.plan.spread import FORMS
from paidonce.harness.load.sweep import FORMS as SWEEPS

SIMULATOR = "simulator"

TargetToLoad = Annotated[
    str | None,
    typer.Argument(
        help="A target file (.toml), to put its own attempts under load. \\[default: the reference "
        "service, by scenarios of load]",
        metavar="TARGET",
        show_default=False,
    ),
]
GuardsOrVariant = Annotated[
    list[str] | None,
    typer.Option(
        "--guard",
        "-g",
        "--variant",
        help="Only this guard; may be given more than once. Of a target, its variant. \\[default: "
        "all guards; of a target, the first in its file]",
        metavar="NAME",
        show_default=False,
    ),
]
TryFixes = Annotated[
    bool,
    typer.Option(
        "--try",
        help="Of a target: say what each fix costs that paidonce predict proposes. What it changes "
        "is changed on the way, and the service stays as it is.",
    ),
]
Bursts = Annotated[
    int,
    typer.Option(
        help="Of a target: bursts before each measurement, in which all attempts of an order come "
        "together; each is judged.",
        min=0,
        max=1000,
    ),
]
Contentions = Annotated[
    list[str] | None,
    typer.Option(
        "--contention",
        help="Which orders clients of the profiles pay and shop pick: N that all fight over "
        "(each Locust process its own), N of which few are picked most (Zipf's law with the "
        "exponent S), or each its own. May be given more than once. \\[default: distinct]",
        metavar="hot:N|zipf:S:N|distinct",
        show_default=False,
    ),
]
Think = Annotated[
    str,
    typer.Option(help=f"Seconds between two requests of a user: {FORMS}.", metavar="SECONDS"),
]
Timeout = Annotated[
    float,
    typer.Option(help="Seconds a client waits for an answer.", min=0.05, max=MAX_PATIENCE),
]
Retries = Annotated[
    int | None,
    typer.Option(
        help="How often a client asks again, with the same idempotency key and the waiting of "
        "Stripe's libraries, when no answer came, a 5xx, or a payment in progress. \\[default: 2 "
        "in the profile shop; else 0, and no key]",
        min=0,
        max=MOST_RETRIES,
        show_default=False,
    ),
]
Connections = Annotated[
    int | None,
    typer.Option(
        "--connections",
        help="Database connections the service has at most, however many requests it works on. "
        "\\[default: as many as users, at least 10, at most 100]",
        min=1,
        max=500,
        show_default=False,
    ),
]
StripeLatency = Annotated[
    str,
    typer.Option(
        "--stripe-latency",
        help=f"Milliseconds a request to the Stripe simulator takes: {FORMS}. \\[default: 0]",
        metavar="MS",
        show_default=False,
    ),
]
Sweeps = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        help=f"Measure under one value after another: {SWEEPS} (milliseconds). Given for both, "
        "each varies alone, the other staying at its own flag or its first value.",
        metavar="NAME=VALUE,VALUE…",
        show_default=False,
    ),
]


def contentions_of(profile: str, given: Sequence[str] | None) -> tuple[str, ...]:
    """Those to measure a profile under, as they are written in full; "" is the profile's own."""
    if not given:
        return ("",)
    if profile in OWN_CONTENTION:
        raise UsageError(
            f"--contention: the profile {profile} always has the contention "
            f"{OWN_CONTENTION[profile]}; use --profile pay or shop"
        )
    return tuple(dict.fromkeys(str(contention(text)) for text in given))


def check_stripe(latency: str, stripe: str) -> None:
    """Raise ``UsageError`` where ``stripe`` is a backend that cannot be told its ``latency``."""
    if not latency:
        return
    stripe_spread(latency)
    if stripe != SIMULATOR and not looks_like_url(stripe):
        raise UsageError(
            "--stripe-latency: only the paidonce simulator can be told how long to take, and the "
            f"Stripe chosen is {stripe}; use --stripe {SIMULATOR}"
        )
