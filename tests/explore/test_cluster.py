"""A search spread over processes: the same as on one, also when a worker is lost."""

from __future__ import annotations

import asyncio
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toy_lanes import VICTIM, Fails, ToyLane, ToysElsewhere
from toy_worlds import Programs, ToyWorlds, harmless, verdict

from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.explore.cluster import crew as crews
from paidonce.harness.explore.cluster.crew import Crew, crew_at
from paidonce.harness.explore.cluster.local import LocalCluster, local_cluster
from paidonce.harness.explore.search import (
    BadOrder,
    Bounded,
    Foretold,
    Pct,
    RandomWalk,
    Reduced,
    Scheduler,
    SearchResult,
    search,
)
from paidonce.harness.explore.search.lane import Gone, Repetition, make

RACING: Programs = {
    "a": (("read", "x"), ("add", "x")),
    "b": (("lock", "m"), ("read", "x"), ("add", "x"), ("unlock", "m")),
    "c": (("lock", "m"), ("read", "x"), ("unlock", "m")),
}
WITHIN_S = 200
SCHEDULERS: dict[str, Callable[[], Scheduler]] = {
    "dpor": Reduced,
    "one": lambda: Bounded(1),
    "walk": lambda: RandomWalk(7, 10),
    "pct": lambda: Pct(7, 10),
    "foretold": lambda: Foretold(
        [BadOrder(reader="a", label="('read', 'x')", rival="b")], Reduced()
    ),
}


def same(result: SearchResult) -> SearchResult:
    """Without what takes a different time."""
    found = tuple(msgspec.structs.replace(one, seconds=0) for one in result.found)
    return msgspec.structs.replace(result, seconds=0, found=found)


def open_lanes(folder: Path) -> list[Path]:
    return list(folder.glob("*.lane"))


def bad(outcome: Any) -> Any:
    return verdict(dict(outcome[0])["x"] != 2)


def here(make_scheduler: Callable[[], Scheduler], judge: Any = harmless) -> SearchResult:
    return same(asyncio.run(search([ToyWorlds(RACING)], judge, make_scheduler())))


SPREAD = ("dpor",)
"""The schedulers that are tried on workers: the others' plans differ from theirs in nothing."""


async def everything(crew: Crew) -> dict[str, list[SearchResult]]:
    """What schedulers come to on the crew, with every outcome harmless and with a bad one."""
    found = {}
    for name in SPREAD:
        scheduler = SCHEDULERS[name]
        found[name] = [
            same(await search([], judge, scheduler(), elsewhere=ToysElsewhere(crew)))
            for judge in (harmless, bad)
        ]
    return found


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_results_do_not_depend_on_the_number_of_workers(workers: int, tmp_path: Path) -> None:
    async def spread() -> dict[str, list[SearchResult]]:
        async with (
            local_cluster(workers) as cluster,
            crew_at(cluster.address, ToyLane(RACING, tmp_path)) as crew,
        ):
            assert crew.lanes == workers
            assert len(open_lanes(tmp_path)) == workers
            found = await everything(crew)
            assert crew.lost == 0
            assert crew.pids <= {worker.pid for worker in cluster.workers}
            with pytest.raises(UsageError, match="as it was raised"):
                await crew.run(Fails(UsageError("as it was raised")))
        assert not open_lanes(tmp_path)
        assert not any(worker.running for worker in cluster.workers)
        return found

    found = asyncio.run(asyncio.wait_for(spread(), WITHIN_S))
    for name in SPREAD:
        scheduler = SCHEDULERS[name]
        assert found[name] == [here(scheduler), here(scheduler, bad)], name


def test_what_a_lost_worker_had_begun_is_executed_again(tmp_path: Path) -> None:
    async def lose(cluster: LocalCluster) -> int:
        """Kill the worker that fell into the trap, in the middle of an execution."""
        while not (tmp_path / VICTIM).exists():
            await asyncio.sleep(0.02)
        pid = int((tmp_path / VICTIM).read_text())
        (victim,) = (worker for worker in cluster.workers if worker.pid == pid)
        await asyncio.to_thread(victim.kill)
        return pid

    async def spread() -> tuple[SearchResult, int]:
        async with (
            local_cluster(2) as cluster,
            crew_at(cluster.address, ToyLane(RACING, tmp_path)) as crew,
        ):
            losing = asyncio.create_task(lose(cluster))
            others = ToysElsewhere(crew, tmp_path)
            result = same(await search([], harmless, Reduced(), elsewhere=others))
            assert len({worker.pid for worker in cluster.workers if worker.running}) == 1
            await crew.look()
            await losing
            return result, crew.lost

    result, lost = asyncio.run(asyncio.wait_for(spread(), WITHIN_S))
    assert lost == 1
    assert result == here(Reduced)


def test_without_any_worker_left_the_search_goes_on_here() -> None:
    class Vanishing:
        """Lanes that are gone when they are needed."""

        lanes = 2

        async def make(self, plan: Any, care: Repetition) -> Any:
            await asyncio.sleep(0)
            raise Gone("no worker is left")

    result = same(
        asyncio.run(search([ToyWorlds(RACING)], harmless, Reduced(), elsewhere=Vanishing()))
    )
    assert result == here(Reduced)
    with pytest.raises(Gone):
        asyncio.run(search([], harmless, Reduced(), elsewhere=Vanishing()))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_plans_mean_the_same_in_another_process(name: str) -> None:
    async def sent_around() -> None:
        mine, theirs = SCHEDULERS[name](), SCHEDULERS[name]()
        worlds = ToyWorlds(RACING)
        while plans := mine.upcoming(1):
            (other,) = theirs.upcoming(1)
            made = await make(worlds, plans[0], Repetition())
            again = await make(worlds, pickle.loads(pickle.dumps(other)), Repetition())
            assert made == pickle.loads(pickle.dumps(again))
            assert made.run is not None
            mine.commit(plans[0], made.run)
            theirs.commit(other, made.run)

    asyncio.run(sent_around())


def test_nothing_at_the_address_is_one_clear_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "CONNECT_S", 0.5)

    async def nobody() -> None:
        async with crew_at("tcp://127.0.0.1:1", ToyLane(RACING, tmp_path)):
            raise AssertionError("there is nothing")

    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"nothing answers at tcp://127\.0\.0\.1:1"):
        asyncio.run(nobody())
    assert time.monotonic() - began < WITHIN_S


def test_a_cluster_of_ones_own_leaves_no_folder(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    async def come_and_gone() -> None:
        async with local_cluster(1):
            assert os.listdir(tmp_path)  # noqa: PTH208 - quick

    asyncio.run(asyncio.wait_for(come_and_gone(), WITHIN_S))
    assert list(tmp_path.iterdir()) == []
