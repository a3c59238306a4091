"""Lanes for a search in other processes: how one is opened there, and where they come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from paidonce.harness.cli.playable import Playable, is_target, named
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.cluster.crew import crew_at, dask
from paidonce.harness.explore.cluster.local import local_cluster
from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import opened
from paidonce.harness.testbed.stack import Choice, open_stack


@dataclass(frozen=True, slots=True)
class LentLane:
    """Opens a service with backends of its own, and watches it for a while.

    Pickled, it is the names of things and what was asked for on the command line; a target file
    has to be where the worker is too, under the same path, and its service built.
    """

    name: str
    variant: str
    attempts: int | None
    choice: Choice
    noise: tuple[str, ...]
    watch: float

    def __post_init__(self) -> None:
        if is_target(self.name):  # a worker may have begun in another folder
            object.__setattr__(self, "name", str(Path(self.name).resolve()))

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[ServiceWorlds]:
        playable = named(self.name, self.variant, self.attempts)
        async with (
            open_stack(playable.subject, self.choice, kept=playable.kept(self.choice)) as stack,
            opened(stack, playable.script, self.variant, 1, self.noise) as (worlds,),
        ):
            if self.watch:
                await worlds.watch(self.watch)
            yield worlds


def elsewhere(
    workers: int, cluster: str | None, lane: LentLane, playable: Playable
) -> AbstractAsyncContextManager[Elsewhere | None]:
    """Lanes in ``workers`` processes of our own, or on the ``cluster`` of that address, or none.

    Raises ``UsageError`` when both are asked for or lanes cannot work side by side, and
    ``Unavailable`` without the engine; what goes wrong later is raised on the way in.
    """
    if not workers and cluster is None:
        return nullcontext()
    if workers and cluster is not None:
        raise UsageError("--workers starts a cluster of its own: give --workers or --cluster")
    asked = "--workers" if workers else "--cluster"
    if lane.choice.lanes(2) < 2:
        raise UsageError(
            f"{asked}: a Redis or Stripe given by URL is emptied before each execution, so there "
            "can be one lane only; choose kinds that are started for each lane"
        )
    if playable.lanes(2) < 2:
        raise UsageError(
            f"{asked}: {lane.name} has fixed ports or runs already, so there can be only one "
            "of it; leave its start and its ports to paidonce"
        )
    dask()
    return _at(cluster, lane) if cluster is not None else _own(workers, lane)


@asynccontextmanager
async def _at(address: str, lane: LentLane) -> AsyncIterator[Elsewhere]:
    async with crew_at(address, lane) as crew:
        yield Elsewhere(crew)


@asynccontextmanager
async def _own(workers: int, lane: LentLane) -> AsyncIterator[Elsewhere]:
    async with local_cluster(workers) as cluster, crew_at(cluster.address, lane) as crew:
        yield Elsewhere(crew)
