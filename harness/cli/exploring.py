"""``paidonce explore`` and ``paidonce replay``."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

import reports
from harness import loop
from harness.cli import options
from harness.cli.lending import LentLane, elsewhere
from harness.cli.playable import Playable, named, of_witness
from harness.explore import shrinking
from harness.explore.cells import searched
from harness.explore.elsewhere import Elsewhere
from harness.explore.exploration import (
    WATCH_S,
    Explored,
    Request,
    Search,
    budget_of,
    exit_code,
    explore,
    opened,
    play_again,
    save,
)
from harness.explore.search import Ending, Progress
from harness.explore.search.shrink import Shrunk
from harness.explore.witness import Witness, broken_of, read_witness
from harness.stack import Choice, open_stack
from harness.threads import in_thread
from harness.verdict import Status


def explore_command(
    name: options.ScenarioOrTarget,
    guard: options.GuardOrVariant = None,
    attempts: Annotated[
        int | None, typer.Option(help="How many clients, where all of them do the same.")
    ] = None,
    scheduler: Annotated[
        Search,
        typer.Option(
            help="dpor: every interleaving that differs; dfs: every one; bounded: all with at "
            "most so many context switches; random, pct: as many as the budget allows."
        ),
    ] = Search.DPOR,
    budget: Annotated[
        str | None,
        typer.Option(
            help="When to stop: schedules (500) or time (30s, 2m). \\[default: when all is done]",
            metavar="N|TIME",
            show_default=False,
        ),
    ] = None,
    switches: Annotated[
        int, typer.Option(help="Context switches at most, for bounded.", min=0, max=50)
    ] = 2,
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
            help="Seconds for which the service is watched, before anybody moves and in the end, "
            f"to learn what it sends by itself; more than its timers take. \\[default: {WATCH_S}, "
            "or what the target file says]",
            min=0,
            max=3600,
            show_default=False,
        ),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            help="What it sends by itself, as a pattern over labels; may be given again.",
            metavar="PATTERN",
        ),
    ] = None,
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
    request = Request(
        scenario=playable.script,
        variant=playable.variant,
        search=scheduler,
        budget=budget_of(budget),
        seed=seed,
        lanes=playable.lanes(jobs),
        switches=switches,
        recheck=recheck,
        watch=playable.watch_s if watch is None else watch,
        noise=(*playable.noise, *(noise or ())),
        shrink=shrinking.BUDGET if shrink else None,
    )
    choice = options.backends(backends, postgres, redis, stripe)
    lane = LentLane(name, playable.variant, attempts, choice, request.noise, request.watch)
    others = elsewhere(workers, cluster, lane, playable)
    folder = options.folder(out)
    explored = loop.run(_explore(playable, request, choice, folder, others))
    witness = save(explored, folder)
    page = reports.write_search_page(
        folder / "report.html",
        playable.variant,
        playable.script.name,
        searched(explored, witness, folder),
        witness,
        playable.noun,
    )
    return tell(explored, witness, page)


def replay_command(
    path: Annotated[Path, typer.Argument(help="A witness file.", metavar="WITNESS")],
    guard: Annotated[
        str | None,
        typer.Option(
            "--guard",
            "-g",
            "--variant",
            help="Another guard or variant than the witness names.",
            metavar="NAME",
        ),
    ] = None,
    times: Annotated[int, typer.Option(help="How often.", min=1, max=1000)] = 1,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Replay a witness: the same schedule, step by step.

    Exit code 1 if it shows the same counterexample (every time), 0 if the service no longer
    breaks, 3 if it went another way without breaking or being found whole.
    """
    witness = read_witness(path)
    playable = of_witness(witness, path, guard)
    choice = options.backends(backends, postgres, redis, stripe)
    return loop.run(_replay(witness, playable, times, choice))


async def _explore(
    playable: Playable,
    request: Request,
    choice: Choice,
    folder: Path,
    others: AbstractAsyncContextManager[Elsewhere | None],
) -> Explored:
    console = Console(stderr=True)
    with Live(Text("starting"), console=console, transient=True, refresh_per_second=8) as live:

        def show(progress: Progress) -> None:
            live.update(words(progress))

        async with open_stack(playable.subject, choice, logs=folder / "logs") as stack:
            live.update(Text("building"))
            await in_thread(playable.build)
            live.update(Text("starting"))
            async with opened(
                stack, request.scenario, request.variant, request.lanes, request.noise
            ) as worlds:
                notes = await playable.tried_out(worlds[0], request.watch)
                async with others as lent:
                    explored = await explore(worlds, request, show, lent)
    return replace(explored, notes=(*notes, *explored.notes))


def words(progress: Progress) -> Text:
    """How a search stands, in a line."""
    counts = progress.counts
    rest = "" if progress.rest is None else f", at least {progress.rest:.0f} s to go"
    return Text(
        f"explored {counts.explored}, pruned {counts.pruned}, invalid {counts.invalid}, "
        f"{progress.rate:.0f}/s, {progress.waiting} known to be left{rest}"
    )


def tell(explored: Explored, witness: Path | None, page: Path) -> int:
    """Print what an exploration came to; returns its exit code."""
    console = Console(highlight=False, soft_wrap=True)
    result = explored.result
    counts = result.counts
    match result.ending:
        case Ending.COMPLETE:
            console.print(f"[bold green]complete[/]: no counterexample in {result.coverage}")
        case Ending.COUNTEREXAMPLE:
            found = result.found[0]
            console.print(
                f"[bold red]counterexample[/] in execution {found.execution.number}, "
                f"after {found.seconds:.2f} s: {found.execution.verdict.reason}"
            )
        case Ending.INCOMPLETE:
            console.print(f"[bold yellow]not complete[/]: {result.reason}")
            console.print(f"covered: {result.coverage}")
    console.print(
        f"explored {counts.explored}, pruned {counts.pruned}, invalid {counts.invalid}, "
        f"{counts.outcomes} different outcome(s), longest {counts.longest} steps, "
        f"{result.seconds:.2f} s"
    )
    for reason in result.invalid:
        console.print(f"invalid: {reason}", markup=False)
    for note in explored.notes:
        console.print(f"note: {note}", markup=False)
    if explored.shrunk is not None:
        console.print(_smaller(explored.shrunk))
    if explored.witness is not None:
        for broken in explored.witness.broken:
            console.print(f"  {broken.checker}: {broken.reason}")
        for step in explored.witness.steps:
            console.print(_line(step.number, step.actor, step.label, step.blocked), markup=False)
    if witness is not None:
        console.print(f"replay it: paidonce replay {witness}")
    console.print(f"report: {page}")
    return exit_code(result)


def _smaller(found: Shrunk) -> str:
    switches = found.execution.switches
    words = f"made smaller in {found.executions} executions: {switches} context switch(es)"
    if found.dropped:
        words += f", without {', '.join(sorted(found.dropped))}"
    return words + ("" if found.settled else "; it may not be the smallest")


def _line(number: int, actor: str, label: str, blocked: bool) -> str:
    return f"  {number:>3}  {actor:<14} {label}{'  (waits)' if blocked else ''}"


async def _replay(witness: Witness, playable: Playable, times: int, choice: Choice) -> int:
    console = Console(highlight=False, soft_wrap=True)
    same = 0
    codes: list[int] = []
    async with (
        open_stack(playable.subject, choice) as stack,
        opened(
            stack,
            playable.script,
            playable.variant,
            noise=witness.noise,
            learnt=witness.learnt,
        ) as worlds,
    ):
        for number in range(1, times + 1):
            steps = tuple(step.expected() for step in witness.steps)
            replayed, judged = await play_again(worlds[0], steps)
            if replayed.divergence is not None or judged is None:
                console.print(f"{number}: went another way at {replayed.divergence}")
                codes.append(Status.UNKNOWN.exit_code)
                continue
            assert worlds[0].last is not None
            broken = broken_of(judged.verdicts, worlds[0].last.reader.names)
            same += broken == witness.broken
            codes.append(judged.came.status.exit_code)
            if number == 1:
                for found in broken:
                    console.print(f"  {found.checker}: {found.reason}", markup=False)
    console.print(f"{same} of {times} replays showed what the witness shows")
    return max(codes, key=[0, 3, 1].index)
