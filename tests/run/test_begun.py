"""Postgres and a service begin before whoever needs them is imported, and end with them."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time

import psutil
import pytest

from paidonce.harness.backends.choice import Choice
from paidonce.harness.errors import Unavailable
from paidonce.harness.process.interruption import INTERRUPTED
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed import begun as beginning
from paidonce.harness.testbed.begun import begun
from paidonce.harness.testbed.stack import open_stack
from paidonce.scenarios.reference import TARGET

WITHIN_S = 60
HEAVY = "paidonce.harness.cli.explore_search"
IMPORTED = """
import json, sys
from paidonce.harness.cli import exploring
print(json.dumps(sorted(sys.modules)))
"""


class Broken(Exception):
    """Something went wrong meanwhile."""


def test_what_has_begun_is_what_a_stack_uses():
    async def main():
        with begun(TARGET, "claim") as early:
            async with open_stack(
                Described(TARGET), Choice(), lanes=1, variant="claim", early=early
            ) as stack:
                server = early.postgres()
                assert stack.postgres is server
                assert stack.loaded is early.loaded
                pids = [server.pid]
                if sys.platform == "linux":
                    pids.append(stack.loaded.zygote.pid)
                assert all(map(psutil.pid_exists, pids))
        return pids

    assert not any(map(psutil.pid_exists, asyncio.run(main())))


def test_what_nobody_came_to_use_is_stopped():
    def fails():
        with begun(TARGET, "claim") as early:
            seen.append(early)
            raise Broken

    seen = []
    with pytest.raises(Broken):
        fails()
    (early,) = seen
    assert not psutil.pid_exists(early.postgres().pid)
    assert not early.loaded.there


def test_a_server_that_cannot_start_is_told_to_who_waits_for_it(monkeypatch):
    def refuses(spec):
        raise Unavailable("embedded postgres", "it does not start", "Give a Postgres URL")

    monkeypatch.setattr(beginning, "open_postgres", refuses)
    with begun(TARGET, "claim") as early, pytest.raises(Unavailable, match="does not start"):
        early.postgres()
    assert not early.loaded.there


def test_the_command_begins_before_what_makes_its_search_is_imported():
    told = subprocess.run(
        [sys.executable, "-c", IMPORTED], check=True, capture_output=True, text=True
    )
    modules = json.loads(told.stdout)
    assert "paidonce.harness.testbed.begun" in modules
    assert not {HEAVY, "paidonce.harness.testbed.stack", "paidonce.reports"} & set(modules)


def test_ctrl_c_soon_after_leaves_nothing_behind(tmp_path):
    argv = [sys.executable, "-m", "paidonce", "explore", "two_tabs", "--guard", "row_lock"]
    with subprocess.Popen([*argv, "--out", str(tmp_path / "out")]) as command:
        process, deadline = psutil.Process(command.pid), time.monotonic() + WITHIN_S
        while not (below := process.children(recursive=True)):
            assert time.monotonic() < deadline, "nothing began"
            time.sleep(0.01)
        command.send_signal(signal.SIGINT)
        assert command.wait(WITHIN_S) == INTERRUPTED
    _gone, left = psutil.wait_procs(below, WITHIN_S)
    assert left == []
