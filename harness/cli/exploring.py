"""``paidonce explore``."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli import options
from paidonce.harness.cli.lending import LentLane, elsewhere
from paidonce.harness.cli.playable import Playable, named
from paidonce.harness.cli.searching import concluded, searching, versions
from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.exploration import (
    WATCH_S,
    Explored,
    SearchRequest,
    budget_of,
    explore,
)
from paidonce.harness.explore.search.schedulers import DEFAULT, SCHEDULERS, kind_of
from paidonce.harness.explore.validate.spending import validation_of
from paidonce.harness.process import event_loop as loop
from paidonce.harness.testbed.stack import Choice


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
    playable = named(name, guard, attempts)
    request = replace(
        playable.request,
        search=kind_of(scheduler).name,
        budget=budget_of(budget),
        seed=seed,
        lanes=playable.lanes(jobs),
        switches=switches,
        recheck=recheck,
        faults=faults,
        watch=playable.request.watch if watch is None else watch,
        noise=(*playable.request.noise, *(noise or ())),
        shrink=playable.request.shrink if shrink else None,
        validation=validation_of(validate),
    )
    choice = options.backends(backends, postgres, redis, stripe)
    lane = LentLane(name, playable.variant, attempts, choice, request.noise, request.watch)
    others = elsewhere(workers, cluster, lane, playable)
    folder = options.folder(out)
    kept = playable.kept(choice, fresh=fresh)
    explored = loop.run(_explore(playable, request, choice, kept, folder, others))
    return concluded(explored, playable, folder)


async def _explore(
    playable: Playable,
    request: SearchRequest,
    choice: Choice,
    kept: KeptDatabases | None,
    folder: Path,
    others: AbstractAsyncContextManager[Elsewhere | None],
) -> Explored:
    async with searching(playable, request, choice, kept, folder, "starting") as (worlds, show):
        notes = await playable.tried_out(worlds[0], request.watch)
        async with others as lent:
            explored = await explore(worlds, request, show, lent)
        return replace(explored, notes=(*notes, *explored.notes), backends=versions(worlds))
