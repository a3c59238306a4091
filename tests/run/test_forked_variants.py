"""Another guard on a lane whose service was killed: forked, and yet what it is asked to be."""

from __future__ import annotations

import asyncio
import os
import sys

import httpx
import psutil
import pytest

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.process.zygote import Forked
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.scenarios.reference import TARGET


def shared_servers():
    """The servers that this worker's tests share."""
    return Choice(
        postgres=os.environ[POSTGRES_VARIABLE],
        redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    )


@pytest.mark.skipif(sys.platform != "linux", reason="services are forked there")
def test_a_guard_forked_from_anothers_zygote_is_itself():
    async def main():
        async with open_stack(Described(TARGET), shared_servers()) as stack:
            lane = await stack.lane()
            async with stack.bench(lane, "claim", {}, controlled_by=openers()) as bench:
                (process,) = bench.running.processes
                assert not isinstance(process.child, Forked)
                await asyncio.to_thread(process.crash)
                assert await told(bench) == "claim"
            async with stack.bench(lane, "row_lock", {}, controlled_by=openers()) as bench:
                (process,) = bench.running.processes
                assert isinstance(process.child, Forked)
                assert await told(bench) == "row_lock"
                pids = [process.child.pid, lane.loaded.zygote.pid]
        return pids

    assert not any(map(psutil.pid_exists, asyncio.run(main())))


@pytest.mark.skipif(sys.platform != "linux", reason="services are forked there")
def test_where_services_are_started_often_the_first_is_forked_as_well():
    async def main():
        pids = []
        async with open_stack(Described(TARGET), shared_servers()) as stack:
            lane = await stack.lane(often=True)
            for guard in ("claim", "row_lock"):
                async with stack.bench(lane, guard, {}) as bench:
                    (process,) = bench.running.processes
                    assert isinstance(process.child, Forked)
                    assert await told(bench) == guard
                    pids.append(process.child.pid)
                assert not psutil.pid_exists(pids[-1])
            pids.append(lane.loaded.zygote.pid)
        return pids

    assert not any(map(psutil.pid_exists, asyncio.run(main())))


@pytest.mark.skipif(sys.platform != "linux", reason="services are forked there")
def test_what_is_loaded_while_backends_start_is_forked_for_every_lane():
    async def main():
        async with open_stack(Described(TARGET), shared_servers(), variant="claim") as stack:
            zygote = stack.loaded.zygote
            assert zygote is not None
            lanes = [await stack.lane() for _ in range(2)]
            for lane, guard in zip(lanes, ("row_lock", "claim"), strict=True):
                async with stack.bench(lane, guard, {}) as bench:
                    (process,) = bench.running.processes
                    assert isinstance(process.child, Forked)
                    assert psutil.Process(process.child.pid).ppid() == zygote.pid
                    assert await told(bench) == guard
        return zygote.pid

    assert not psutil.pid_exists(asyncio.run(main()))


def test_nothing_is_loaded_of_a_service_that_nobody_names():
    async def main():
        async with open_stack(Described(TARGET), shared_servers()) as stack:
            return stack.loaded.there

    assert not asyncio.run(main())


async def told(bench):
    async with httpx.AsyncClient() as client:  # the taps it talks through are of this loop
        answer = await client.get(f"{bench.running.url}{TARGET.ready_path}", timeout=30)
    return answer.json()["guard"]
