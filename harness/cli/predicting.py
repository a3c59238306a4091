"""``paidonce predict``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from paidonce import reports
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli import options
from paidonce.harness.cli.playable import Playable, named
from paidonce.harness.cli.searching import built, concluded, shown_by, versions
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import (
    Explored,
    SearchRequest,
    budget_of,
    explore,
    opened,
)
from paidonce.harness.explore.search import Ending
from paidonce.harness.predict import (
    Forecast,
    Prediction,
    TriedFix,
    Trying,
    Weighed,
    decided,
    orders_of,
    predicted,
    undecided,
    weighed,
)
from paidonce.harness.process import event_loop as loop
from paidonce.harness.taps.changes import Change
from paidonce.harness.testbed.stack import Choice
from paidonce.reports.formats import predictions as writer

NOT_EXPLORED = "not explored; --explore decides it"


def predict_command(
    name: options.ScenarioOrTarget,
    guard: options.GuardOrVariant = None,
    attempts: options.Attempts = None,
    explore_too: Annotated[
        bool,
        typer.Option(
            "--explore",
            help="Decide each prediction: search every interleaving, the predicted orders first.",
        ),
    ] = False,
    try_fixes: Annotated[
        bool,
        typer.Option(
            "--try",
            help="Try each fix, with the service untouched: what it changes is changed on the way, "
            "and the search made again. Explores first.",
        ),
    ] = False,
    fixes: Annotated[
        bool, typer.Option("--fixes", help="Show what would close each, also of the unconfirmed.")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            help="After how many schedules (500) or how long (30s, 2m) to stop. \\[default: when "
            "all is done]",
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
    write or a call to Stripe. That is not a verdict: without --explore the exit code is 0. With it,
    each prediction ends as confirmed, refuted or open, and the exit code is that of the search.
    With --try each fix is tried as well, if the search was not complete: it closes the race,
    proved, or a part of it; or it does not, with a witness; or that is not decided, or cannot be
    tried from outside.
    """
    explore_too = explore_too or try_fixes
    playable = named(name, guard, attempts)
    request = replace(
        playable.request,
        budget=budget_of(budget),
        lanes=playable.lanes(jobs) if explore_too else 1,
    )
    folder = options.folder(out)
    choice = options.backends(backends, postgres, redis, stripe)
    kept = playable.kept(choice, fresh=fresh)
    forecast, explored, mattering, tried = loop.run(
        _predict(playable, request, choice, kept, folder, explore_too, try_fixes)
    )
    console = Console(highlight=False, soft_wrap=True)
    if explored is None:
        settled = undecided(forecast, NOT_EXPLORED)
    else:
        settled = decided(forecast, explored.result, explored.history, mattering)
    if tried is not None:
        settled = tuple(
            msgspec.structs.replace(decision, tried=came)
            for decision, came in zip(settled, tried, strict=True)
        )
    terminal = writer.terminal(settled, forecast.looked, fixes=fixes)
    reports.write_predictions(settled, forecast.looked, folder)
    console.print(terminal)
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
    try_fixes: bool,
) -> tuple[
    Forecast,
    Explored | None,
    Mapping[Prediction, Weighed],
    tuple[tuple[TriedFix, ...], ...] | None,
]:
    async with built(playable, choice, kept, folder, request.lanes) as (stack, live):
        live.update("playing each attempt alone")
        lanes = [await stack.lane() for _ in range(stack.choice.lanes(request.lanes))]

        def opening(
            changes: Sequence[Change] = (),
        ) -> AbstractAsyncContextManager[list[ServiceWorlds]]:
            return opened(
                stack, request.scenario, request.variant, lanes, request.noise, changes=changes
            )

        async def searched(worlds: list[ServiceWorlds]) -> Explored:
            await playable.tried_out(worlds[0], request.watch)
            return await explore(worlds, request, shown_by(live, "trying a fix"))

        async with opening() as worlds:
            notes: tuple[str, ...] = ()
            if explore_too:
                notes = await playable.tried_out(worlds[0], request.watch)
            forecast = await predicted(worlds[0], request.watch, orm=playable.orm)
            if not explore_too:
                return forecast, None, {}, None
            first = orders_of(forecast)
            explored = await explore(worlds, replace(request, first=first), shown_by(live))
            mattering = await weighed(worlds[0], forecast, explored)
            told = (*notes, *explored.notes)
            explored = replace(explored, notes=told, backends=versions(worlds))
        if not try_fixes or explored.result.ending is Ending.COMPLETE:
            return forecast, explored, mattering, None
        live.update("trying a fix")
        own = bool(playable.subject.database_url)
        trying = Trying(forecast, opening, searched, folder / "tried", own_database=own)
        return forecast, explored, mattering, await trying.all()
