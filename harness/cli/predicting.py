"""``paidonce predict``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from paidonce import reports
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli import options
from paidonce.harness.cli.playable import Playable, named
from paidonce.harness.cli.searching import concluded, searching, versions
from paidonce.harness.explore.exploration import Explored, SearchRequest, budget_of, explore
from paidonce.harness.predict import (
    Forecast,
    Prediction,
    Weighed,
    decided,
    orders_of,
    predicted,
    undecided,
    weighed,
)
from paidonce.harness.process import event_loop as loop
from paidonce.harness.testbed.stack import Choice
from paidonce.reports.formats import predictions as writer

NOT_EXPLORED = "not explored; --explore decides it"


def predict_command(
    name: options.ScenarioOrTarget,
    guard: options.GuardOrVariant = None,
    attempts: Annotated[
        int | None, typer.Option(help="How many clients, where all of them do the same.")
    ] = None,
    explore_too: Annotated[
        bool,
        typer.Option(
            "--explore",
            help="Decide each prediction: search every interleaving, the predicted orders first.",
        ),
    ] = False,
    fixes: Annotated[
        bool, typer.Option("--fixes", help="Show what would close each, also of the unconfirmed.")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            help="When to stop: schedules (500) or time (30s, 2m). \\[default: when all is done]",
            metavar="N|TIME",
            show_default=False,
        ),
    ] = None,
    fresh: options.Fresh = False,
    jobs: options.Jobs = os.cpu_count() or 2,
    out: options.Out = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Tell from each attempt alone which orders of two of them could go wrong.

    Plays every attempt by itself, and lists the reads that decide without protection before a
    write or a call to Stripe. That is no verdict: without --explore the exit code is 0. With it,
    each prediction ends as confirmed, refuted or open, and the exit code is that of the search.
    """
    playable = named(name, guard, attempts)
    request = replace(
        playable.request,
        budget=budget_of(budget),
        lanes=playable.lanes(jobs) if explore_too else 1,
    )
    folder = options.folder(out)
    choice = options.backends(backends, postgres, redis, stripe)
    kept = playable.kept(choice, fresh=fresh)
    found, explored, mattering = loop.run(
        _predict(playable, request, choice, kept, folder, explore_too)
    )
    console = Console(highlight=False, soft_wrap=True)
    if explored is None:
        settled = undecided(found, NOT_EXPLORED)
    else:
        settled = decided(found, explored.result, explored.history, mattering)
    told = writer.terminal(settled, found.looked, fixes=fixes)
    reports.write_predictions(settled, found.looked, folder)
    console.print(told)
    if explored is None:
        return 0
    console.print()
    return concluded(explored, playable, folder)


async def _predict(
    playable: Playable,
    request: SearchRequest,
    choice: Choice,
    kept: KeptDatabases | None,
    folder: Path,
    explore_too: bool,
) -> tuple[Forecast, Explored | None, Mapping[Prediction, Weighed]]:
    doing = "playing each attempt alone"
    async with searching(playable, request, choice, kept, folder, doing) as (worlds, show):
        notes: tuple[str, ...] = ()
        if explore_too:
            notes = await playable.tried_out(worlds[0], request.watch)
        found = await predicted(worlds[0], request.watch)
        if not explore_too:
            return found, None, {}
        first = orders_of(found)
        explored = await explore(worlds, replace(request, first=first), show)
        mattering = await weighed(worlds[0], found, explored)
        told = (*notes, *explored.notes)
        return found, replace(explored, notes=told, backends=versions(worlds)), mattering
