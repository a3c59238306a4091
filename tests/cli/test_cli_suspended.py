"""A machine that is put to sleep in the middle of a search, and wakes up a minute later."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SECONDS = 300
ASLEEP_S = 61
MARK = "PAIDONCE_TEST_MARKER"


def family(mark: str) -> list[psutil.Process]:
    """Every process that a command has started, and itself."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    mark, terminal = f"asleep-{os.getpid()}", tmp_path / "terminal"
    words = ["explore", "two_tabs", "--guard", "row_lock", "--attempts", "3"]
    with terminal.open("wb") as said:
        command = subprocess.Popen(
            [sys.executable, "-m", "paidonce", *words, "--out", str(tmp_path / "out")],
            cwd=tmp_path,
            env={**os.environ, MARK: mark},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while "explored" not in terminal.read_text():
            assert command.poll() is None, terminal.read_text()
            assert time.monotonic() < deadline, "no execution was made"
            time.sleep(0.05)
        asleep = family(mark)
        for process in asleep:
            process.suspend()
        time.sleep(ASLEEP_S)
        for process in asleep:
            process.resume()
        code = command.wait(SECONDS)
    finally:
        command.kill()
    told = terminal.read_text()
    assert "Traceback" not in told
    assert code == 0, told
    assert "complete: no counterexample in all interleavings of 3 attempts" in told
