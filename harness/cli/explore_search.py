"""Makes the search that ``paidonce explore`` asks for.

Imported while a server of Postgres starts: see ``exploring``.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from paidonce.harness.backends.choice import Choice
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli import options
from paidonce.harness.cli.lending import LentLane, elsewhere
from paidonce.harness.cli.playable import Playable, named
from paidonce.harness.cli.searching import concluded, searching, versions
from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.exploration import Explored, SearchRequest, budget_of, explore
from paidonce.harness.explore.search.schedulers import kind_of
from paidonce.harness.explore.validate.spending import validation_of
from paidonce.harness.process import event_loop as loop
from paidonce.harness.testbed.begun import Begun


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """The options of ``paidonce explore``, as they were given."""

    name: str
    variant: str | None
    attempts: int | None
    scheduler: str
    budget: str | None
    seed: int
    jobs: int
    switches: int
    recheck: float
    faults: int
    watch: float | None
    noise: tuple[str, ...]
    shrink: bool
    validate: str | None
    fresh: bool
    workers: int
    cluster: str | None


def made(asked: SearchOptions, choice: Choice, out: Path | None, early: Begun | None) -> int:
    """Make the search and say what it came to; returns its exit code.

    ``early`` is what has begun already. Raises what makes a command fail.
    """
    playable = named(asked.name, asked.variant, asked.attempts)
    usual = playable.request
    request = replace(
        usual,
        search=kind_of(asked.scheduler).name,
        budget=budget_of(asked.budget),
        seed=asked.seed,
        lanes=playable.lanes(asked.jobs),
        switches=asked.switches,
        recheck=asked.recheck,
        faults=asked.faults,
        watch=usual.watch if asked.watch is None else asked.watch,
        noise=(*usual.noise, *asked.noise),
        shrink=usual.shrink if asked.shrink else None,
        validation=validation_of(asked.validate),
    )
    lane = LentLane(
        asked.name, playable.variant, asked.attempts, choice, request.noise, request.watch
    )
    others = elsewhere(asked.workers, asked.cluster, lane, playable)
    folder = options.folder(out)
    kept = playable.kept(choice, fresh=asked.fresh)
    explored = loop.run(_explore(playable, request, choice, kept, folder, others, early))
    return concluded(explored, playable, folder)


async def _explore(
    playable: Playable,
    request: SearchRequest,
    choice: Choice,
    kept: KeptDatabases | None,
    folder: Path,
    others: AbstractAsyncContextManager[Elsewhere | None],
    early: Begun | None,
) -> Explored:
    async with searching(playable, request, choice, kept, folder, "starting", early) as (
        worlds,
        show,
    ):
        notes = await playable.tried_out(worlds[0], request.watch)
        async with others as lent:
            explored = await explore(worlds, request, show, lent)
        return replace(explored, notes=(*notes, *explored.notes), backends=versions(worlds))
