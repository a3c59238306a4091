"""``paidonce explore``: what can be said to it, and how it begins."""

from __future__ import annotations

import contextlib
import os
from typing import Annotated

import typer

from paidonce.harness.backends.choice import Choice
from paidonce.harness.cli import options
from paidonce.harness.explore.control.deadlines import WATCH_S
from paidonce.harness.explore.search.schedulers import DEFAULT, SCHEDULERS
from paidonce.harness.testbed.begun import Begun, begun
from paidonce.scenarios.reference import TARGET


def explore_command(
    name: options.ScenarioOrTarget,
    guard: options.GuardOrVariant = None,
    attempts: options.Attempts = None,
    scheduler: Annotated[
        str,
        typer.Option(
            help="; ".join(f"{kind.name}: {kind.summary}" for kind in SCHEDULERS.values()) + ".",
            metavar="NAME",
            autocompletion=lambda: list(SCHEDULERS),
        ),
    ] = DEFAULT,
    budget: Annotated[
        str | None,
        typer.Option(
            help="After how many schedules (500) or how long (30s, 2m) to stop. \\[default: when "
            "all is done]",
            metavar="N|TIME",
            show_default=False,
        ),
    ] = None,
    switches: Annotated[
        int, typer.Option(help="Context switches at most, for bounded.", min=0, max=50)
    ] = 2,
    faults: options.Faults = 0,
    recheck: Annotated[
        float,
        typer.Option(
            help="Share of the executions to make twice, to expose a service that is not "
            "deterministic.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    shrink: Annotated[
        bool,
        typer.Option(help="Make a counterexample as small as it can be before it is saved."),
    ] = True,
    watch: Annotated[
        float | None,
        typer.Option(
            help="Seconds for which the service is watched, before the first step and in the end, "
            "to learn what it sends by itself; give more than its timers take. \\[default: "
            f"{WATCH_S}, or what the target file says]",
            min=0,
            max=3600,
            show_default=False,
        ),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            help="What it sends by itself, as a pattern over labels; may be given more than once.",
            metavar="PATTERN",
        ),
    ] = None,
    validate: options.Validate = None,
    fresh: options.Fresh = False,
    seed: options.Seed = 0,
    jobs: options.Jobs = os.cpu_count() or 2,
    workers: Annotated[
        int,
        typer.Option(
            help="How many more processes of this machine take part, each with a service and "
            "backends of its own.",
            min=0,
            max=64,
        ),
    ] = 0,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="A Dask scheduler whose workers, on any machines, take part.",
            metavar="ADDRESS",
        ),
    ] = None,
    out: options.Out = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Search every interleaving of the attempts of a scenario, or target, for a broken invariant.

    The service's statements, calls to Stripe and Redis commands are held at taps, and exactly
    one attempt moves at a time. Ends with a counterexample (exit code 1), with "complete: no
    counterexample" (0), or with what was not covered (3).
    """
    choice = options.backends(backends, postgres, redis, stripe)
    with _early(name, guard, choice) as early:
        # What makes the search takes half a second to import, in which that begins.
        from paidonce.harness.cli import explore_search

        asked = explore_search.SearchOptions(
            name=name,
            variant=guard,
            attempts=attempts,
            scheduler=scheduler,
            budget=budget,
            seed=seed,
            jobs=jobs,
            switches=switches,
            recheck=recheck,
            faults=faults,
            watch=watch,
            noise=tuple(noise or ()),
            shrink=shrink,
            validate=validate,
            fresh=fresh,
            workers=workers,
            cluster=cluster,
        )
        return explore_search.made(asked, choice, out, early)


def _early(
    name: str, guard: str | None, choice: Choice
) -> contextlib.AbstractContextManager[Begun | None]:
    """Begin what is needed whatever else is asked; of a target that is known once its file is
    read."""
    if name.endswith(".toml") or choice.postgres != "embedded":
        return contextlib.nullcontext()
    return begun(TARGET, guard or "none")
