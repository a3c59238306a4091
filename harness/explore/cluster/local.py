"""A cluster of one's own on this machine: as many processes as are asked for, a lane in each."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.explore.cluster.crew import dask
from paidonce.harness.process.child import Child, ChildFailed
from paidonce.harness.process.ports import HOST
from paidonce.harness.process.tempdirs import TempFolder

START_S = 120.0
"""Far more than a worker needs (about two seconds), for machines that are busy."""


@dataclass(frozen=True)
class LocalCluster:
    """Where its scheduler listens, and the processes of its workers."""

    address: str
    workers: tuple[Child, ...]


@asynccontextmanager
async def local_cluster(count: int) -> AsyncIterator[LocalCluster]:
    """``count`` workers and their scheduler (in this process), all on loopback, stopped on the
    way out.

    Raises ``Unavailable`` without the engine, ``ChildFailed`` and ``DeadlineExceeded`` when a
    worker does not come.
    """
    distributed = dask()
    async with AsyncExitStack() as exits:
        folder = exits.enter_context(TempFolder())
        # A scheduler takes no folder for what it scratches, and leaves one in the usual place.
        with distributed.dask.config.set({"temporary-directory": str(folder.path)}):
            made = distributed.Scheduler(
                host=HOST, port=0, dashboard=False, dashboard_address=f"{HOST}:0"
            )
        scheduler = await exits.enter_async_context(made)
        workers = []
        for number in range(1, count + 1):
            argv = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler.address]
            argv += ["--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--host", HOST]
            argv += ["--no-dashboard", "--dashboard-address", f"{HOST}:0"]
            argv += ["--local-directory", str(folder.path)]
            env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            worker = await asyncio.to_thread(Child, f"worker {number}", argv, env=env)
            exits.push_async_callback(asyncio.to_thread, worker.stop)
            workers.append(worker)
        deadline = asyncio.get_running_loop().time() + START_S
        while len(scheduler.workers) < count:
            for worker in workers:
                if not worker.running:
                    problem = "ended before it could come to its scheduler"
                    raise ChildFailed(worker.name, problem, worker.returncode, worker.tail())
            if asyncio.get_running_loop().time() > deadline:
                raise DeadlineExceeded(f"{count} workers to come to their scheduler", START_S)
            await asyncio.sleep(0.05)
        yield LocalCluster(scheduler.address, tuple(workers))
