"""A search from a terminal: how it stands while it goes on, and what it came to."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli.playable import Playable
from paidonce.harness.cli.progress import StatusLine
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import Explored, SearchRequest, exit_code, opened, save
from paidonce.harness.explore.search import Ending, Progress
from paidonce.harness.explore.search.shrink import Shrunk
from paidonce.harness.masking import command_line
from paidonce.harness.process.threads import in_thread
from paidonce.harness.proof.cell_search import searched
from paidonce.harness.proof.plan import machine
from paidonce.harness.results.words import count
from paidonce.harness.service.script import clients_among
from paidonce.harness.testbed.begun import Begun
from paidonce.harness.testbed.stack import Choice, Stack, open_stack

_EXPLORING = "exploring"


@asynccontextmanager
async def searching(
    playable: Playable,
    request: SearchRequest,
    choice: Choice,
    kept: KeptDatabases | None,
    folder: Path,
    first: str,
    early: Begun | None = None,
) -> AsyncIterator[tuple[list[ServiceWorlds], Callable[[Progress], None]]]:
    """The built service on as many lanes as asked for, and what shows how a search stands.

    ``kept`` is where its database may be, ``first`` says what is done once it is built, ``early``
    is what has begun already. Logs go to ``folder``.
    """
    async with built(playable, choice, kept, folder, request.lanes, early) as (stack, live):
        live.update(first)
        async with opened(
            stack, request.scenario, request.variant, request.lanes, request.noise
        ) as worlds:
            yield worlds, shown_by(live)


@asynccontextmanager
async def built(
    playable: Playable,
    choice: Choice,
    kept: KeptDatabases | None,
    folder: Path,
    lanes: int = 0,
    early: Begun | None = None,
) -> AsyncIterator[tuple[Stack, StatusLine]]:
    """The backends, as many of ``lanes`` as there can be among them, with the service built, and a
    line that says what is being done."""
    with StatusLine() as live:
        async with open_stack(
            playable.subject,
            choice,
            logs=folder / "logs",
            kept=kept,
            say=live.say,
            lanes=lanes,
            variant=playable.variant,
            early=early,
        ) as stack:
            live.update("building")
            await in_thread(playable.build)
            yield stack, live


def shown_by(live: StatusLine, of: str = _EXPLORING) -> Callable[[Progress], None]:
    """Return what shows how a search stands; ``of`` says what is searched."""
    return lambda progress: live.update(_words(progress, of), of=of)


def concluded(explored: Explored, playable: Playable, folder: Path) -> int:
    """Save and print what a search came to; returns its exit code."""
    # Imported here: a search begins before there is anything to report.
    from paidonce import reports

    witness = save(explored, folder)
    page = reports.write_search_page(
        folder / "report.html",
        playable.variant,
        playable.script.name,
        searched(explored, witness, folder),
        witness,
        playable.noun,
        _made(explored),
    )
    return _tell(explored, witness, page)


def versions(worlds: list[ServiceWorlds]) -> dict[str, str]:
    """The backends of these worlds, by role."""
    backends = worlds[0].bench.backends
    return {role: f"{backend.kind} {backend.version}".strip() for role, backend in backends.items()}


def _made(explored: Explored) -> dict[str, str]:
    """Return when, where and with what it was made, and how to make it again."""
    request, here = explored.request, machine(explored.backends)
    ended = datetime.datetime.now(datetime.UTC)
    return {
        "Started": f"{ended - datetime.timedelta(seconds=explored.result.seconds):%F %T} UTC",
        "Attempts": str(len(clients_among(request.scenario.attempts))),
        "Scheduler": request.search,
        "Seed": str(request.seed),
        "Machine": f"{here.system}, {count(here.cpus, 'CPU')}",
        "paidonce, Python": f"{here.paidonce}, {here.python}",
        **here.backends,
        "Command": command_line(),
    }


def _words(progress: Progress, of: str) -> str:
    """Return how a search stands, in a line."""
    counts = progress.counts
    rest = "" if progress.rest is None else f", at least {progress.rest:.0f} s to go"
    told = "" if of == _EXPLORING else f"{of}: "
    return (
        f"{told}explored {counts.explored}, pruned {counts.pruned}, invalid {counts.invalid}, "
        f"{progress.rate:.0f}/s, {progress.waiting} known to be left{rest}"
    )


def _tell(explored: Explored, witness: Path | None, page: Path) -> int:
    """Print what an exploration came to; returns its exit code."""
    console = Console(highlight=False, soft_wrap=True)
    result = explored.result
    counts = result.counts
    match result.ending:
        case Ending.COMPLETE:
            console.print(f"[bold green]complete[/]: {escape(result.claimed)}")
        case Ending.COUNTEREXAMPLE:
            counterexample = result.found[0]
            execution = counterexample.execution
            console.print(
                f"[bold red]counterexample[/] in execution {execution.number}, "
                f"after {counterexample.seconds:.2f} s: {escape(execution.verdict.reason)}"
            )
        case Ending.INCOMPLETE:
            console.print(f"[bold yellow]not complete[/]: {escape(result.reason)}")
            console.print(f"covered: {result.coverage}")
    console.print(
        f"explored {counts.explored}, pruned {counts.pruned}, invalid {counts.invalid}, "
        f"{count(counts.outcomes, 'different outcome')}, longest {counts.longest} steps, "
        f"{result.seconds:.2f} s"
    )
    if result.failures is not None:
        console.print(result.failures.told, markup=False)
    for reason in result.invalid:
        console.print(f"invalid: {reason}", markup=False)
    for note in explored.notes:
        console.print(f"note: {note}", markup=False)
    if explored.shrunk is not None:
        console.print(_smaller(explored.shrunk))
    if explored.witness is not None:
        for broken in explored.witness.broken:
            console.print(f"  {broken.words}", markup=False)
        for step in explored.witness.steps:
            console.print(_line(step.number, step.actor, step.label, step.blocked), markup=False)
    if witness is not None:
        console.print(f"replay it: paidonce replay {shlex.quote(str(witness))}", markup=False)
    console.print(f"report: {page}", markup=False)
    return exit_code(result)


def _smaller(found: Shrunk) -> str:
    switches = found.execution.switches
    told = count(switches, "context switch", "context switches")
    words = f"made smaller in {count(found.executions, 'execution')}: {told}"
    if found.dropped:
        words += f", without {', '.join(sorted(found.dropped))}"
    return words + ("" if found.settled else "; it may not be the smallest")


def _line(number: int, actor: str, label: str, blocked: bool) -> str:
    return f"  {number:>3}  {actor:<14} {label}{'  (waits)' if blocked else ''}"
