"""``paidonce explore --workers`` and ``--cluster``: the reference service in other processes."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import pytest

from paidonce.harness.explore.cluster.local import local_cluster

pytestmark = pytest.mark.slow

PAIDONCE = [sys.executable, "-m", "paidonce.harness.cli"]
COUNTS = re.compile(
    r"explored \d+, pruned \d+, invalid \d+, \d+ different outcome\(s\), longest \d+"
)
FOUND = re.compile(r"counterexample in execution \d+")


def explored(cwd, *arguments):
    run = subprocess.run(
        [*PAIDONCE, "explore", "two_tabs", "--jobs", "1", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert "Traceback" not in run.stderr, run.stderr
    said = COUNTS.search(run.stdout)
    assert said is not None, run.stdout + run.stderr
    assert "worker" not in run.stdout
    return run.returncode, said.group(), FOUND.findall(run.stdout)


@pytest.mark.parametrize(
    "how", [("--guard", "row_lock", "--attempts", "3"), ("--guard", "none", "--no-shrink")]
)
def test_processes_come_to_what_one_comes_to(tmp_path, how):
    assert explored(tmp_path, *how) == explored(tmp_path, *how, "--workers", "2")


def test_a_cluster_comes_to_what_one_process_comes_to(tmp_path):
    how = ("--guard", "row_lock", "--attempts", "3")

    async def on_cluster():
        async with local_cluster(2) as cluster:
            return await asyncio.to_thread(explored, tmp_path, *how, "--cluster", cluster.address)

    assert asyncio.run(on_cluster()) == explored(tmp_path, *how)
