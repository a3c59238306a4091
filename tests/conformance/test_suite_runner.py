"""``benchmarks/conformance``: what it says where a suite cannot be run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_folder_that_is_no_suite_is_one_message_and_exit_code_2(tmp_path: Path) -> None:
    runner = str(ROOT / "benchmarks" / "conformance")
    for suite, where in (("stripe-python", ""), ("stripe-node", ""), ("stripe-go", runner)):
        command = [sys.executable, runner, suite, str(tmp_path), "--server", "nothing"]
        # With a PATH that has nothing on it, no registry can be asked for what is missing.
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)}
        )
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith(where or f"{tmp_path}: "), done.stderr
        assert "Traceback" not in done.stderr
