"""A machine that sleeps for a minute in the middle of a search or a load."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
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


def put_to_sleep(tmp_path: Path, words: list[str], began: Callable[[str], bool]) -> tuple[int, str]:
    """Run a command, and stop all of its processes for a minute once it ``began``; how it ends."""
    mark, terminal = f"asleep-{os.getpid()}-{words[0]}", tmp_path / "terminal"
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
        while not began(terminal.read_text()):
            assert command.poll() is None, terminal.read_text()
            assert time.monotonic() < deadline, f"it did not begin: {terminal.read_text()}"
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
    assert not family(mark)
    return code, told


@pytest.mark.slow
def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    words = ["explore", "two_tabs", "--guard", "row_lock", "--attempts", "3"]
    code, told = put_to_sleep(tmp_path, words, lambda said: "explored" in said)
    assert code == 0, told
    assert "complete: no counterexample in all interleavings of 3 attempts" in told


@pytest.mark.slow
def test_a_load_is_judged_by_what_was_recorded_before_and_after(tmp_path: Path) -> None:
    """Who slept with the others has answered late; nothing is lost, and nothing is broken by it."""

    def under_way(said: str) -> bool:
        return any(one.stat().st_size > 50_000 for one in (tmp_path / "out").rglob("*.jsonl"))

    words = ["load", "--guard", "row_lock", "--seconds", "6", "--warmup", "0", "--users", "16"]
    code, told = put_to_sleep(tmp_path, words, under_way)
    assert code == 0, told
    assert " held" in told
