"""The benchmark of what judging costs runs on histories as they are written today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "checking.py"


def test_judging_is_measured() -> None:
    ran = subprocess.run(
        [sys.executable, BENCHMARK, "--operations", "400"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "400" in ran.stdout
