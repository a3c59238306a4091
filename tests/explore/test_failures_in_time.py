"""A search under failures ends when its time is over, whatever a service is at by then."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.explore.failure.plans import AsSaid
from paidonce.harness.explore.search import Budget, Ending
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack

TILL = Path(__file__).parent / "failing"
NEVER_TWICE = """
import pathlib, time
started = pathlib.Path(__file__).with_suffix(".started")
if started.exists():
    started.with_suffix(".again").touch()
    time.sleep(3600)
started.touch()
"""
BUDGET_S = 12.0
WITHIN_S = 30.0
"""Besides the budget, on a busy machine; the service is waited for for two minutes."""


@pytest.fixture
def never_back(tmp_path):
    """The till, which does not come back once it was killed."""
    folder = tmp_path / "till"
    shutil.copytree(TILL, folder)
    source = folder / "till.py"
    source.write_text(source.read_text().replace("import json\n", NEVER_TWICE + "import json\n", 1))
    return load_target(folder / "target.toml")


async def searched(loaded, budget):
    script = script_of(loaded)
    choice = Choice(
        postgres=os.environ[POSTGRES_VARIABLE],
        redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    )
    request = SearchRequest(
        scenario=script,
        variant="fixed",
        faults=1,
        failing=AsSaid([FailureChoice("process", "crash")]),
        validation=None,
        watch=0.0,
        budget=budget,
        warm_beside=True,
    )
    async with (
        open_stack(TargetSubject(loaded), choice) as stack,
        opened(stack, script, "fixed", 1) as worlds,
    ):
        return await explore(worlds, request)


def ended_in(main):
    """What ``main`` comes to, and in how many seconds, with all that it has set going."""
    began = time.monotonic()
    return asyncio.run(main), time.monotonic() - began


@pytest.mark.slow
def test_the_budget_is_kept_while_a_killed_service_does_not_come_back(never_back):
    explored, took = ended_in(searched(never_back, Budget(seconds=BUDGET_S)))
    assert explored.result.ending is Ending.INCOMPLETE
    assert f"the budget of {BUDGET_S:g} seconds is spent" in explored.result.reason
    assert took < BUDGET_S + WITHIN_S


@pytest.mark.slow
def test_a_stop_is_not_kept_waiting_by_it_either(never_back):
    async def main():
        running = asyncio.ensure_future(searched(never_back, Budget()))
        killed, deadline = never_back.folder / "till.again", time.monotonic() + 4 * WITHIN_S
        while not killed.exists():
            assert time.monotonic() < deadline, "the service was not killed"
            assert not running.done(), running
            await asyncio.sleep(0.05)
        asked.append(time.monotonic())
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()

    asked = []
    asyncio.run(main())
    assert time.monotonic() - asked[0] < WITHIN_S
