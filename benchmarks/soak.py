"""Long runs: resident memory, descriptors and threads of a command while it works.

    python benchmarks/soak.py [--loads 10] [--seconds 60] [--users 64] [--executions 20000]

Runs ``paidonce load`` so many times on one stack, then one search of so many executions, and prints
a line now and then: what the command itself has by then, and the simulator, whose state is emptied
between runs. Memory that is flat is the same in the last quarter of the lines as in the second, but
for ``--margin``; descriptors and threads are to be as they were. Processes of Postgres, Locust and
the service are not counted: they come and go.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

_EVERY_S = 5.0
_LAST_LINES = 8
"""What is shown of the terminal: how many executions there were, how it ended."""
_FLAT = 0.10
_FEW = 4
"""Descriptors and threads that may be more at one look than at another, as connections come."""


@dataclasses.dataclass(frozen=True)
class Look:
    """One process at one time."""

    at_s: float
    rss_mb: float
    descriptors: int
    threads: int


def main() -> int:
    """Make the runs; the exit code is 1 where anything grew, or a command came to nothing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--loads", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=60, help="of each load")
    parser.add_argument("--users", type=int, default=64)
    parser.add_argument("--executions", type=int, default=20_000)
    parser.add_argument("--margin", type=float, default=_FLAT, help="a share; 0.1 is 10 %%")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # ends its command
    loading = ["load", "--guard", "row_lock", "--repeat", str(options.loads)]
    loading += ["--seconds", str(options.seconds), "--users", str(options.users)]
    searching = ["explore", "two_tabs", "--guard", "row_lock", "--attempts", "3", "--jobs", "1"]
    searching += ["--scheduler", "random", "--budget", str(options.executions)]
    fine = True
    if options.loads:
        fine = _soaked(loading, options.margin, codes=(0,)) and fine
    if options.executions:
        fine = _soaked(searching, options.margin, codes=(0, 3)) and fine
    return 0 if fine else 1


def _soaked(words: list[str], margin: float, codes: tuple[int, ...]) -> bool:
    """Run the command and print what it takes; return whether nothing grew."""
    print("paidonce", *words, flush=True)
    looks: dict[str, list[Look]] = {"command": [], "simulator": []}
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        terminal = Path(folder) / "terminal"
        with terminal.open("wb") as said:
            running = subprocess.Popen(
                [sys.executable, "-m", "paidonce", *words, "--out", f"{folder}/out"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        began = time.monotonic()
        try:
            while running.poll() is None:
                for name, process in _watched(running.pid).items():
                    _look(name, process, time.monotonic() - began, looks[name])
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(_EVERY_S)
        finally:
            running.terminate()
            code = running.wait()
        last = terminal.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:]
    print(*last, f"exit code {code}, {time.monotonic() - began:.0f} s", sep="\n", flush=True)
    grown = [sentence for name, seen in looks.items() for sentence in _grown(name, seen, margin)]
    print(*(grown or ["nothing grew"]), sep="\n", flush=True)
    return not grown and code in codes


def _watched(pid: int) -> dict[str, psutil.Process]:
    found: dict[str, psutil.Process] = {}
    with contextlib.suppress(psutil.Error):
        found["command"] = command = psutil.Process(pid)
        for child in command.children():
            with contextlib.suppress(psutil.Error):
                if "paidonce.harness.simulator" in child.cmdline():
                    found["simulator"] = child
    return found


def _look(name: str, process: psutil.Process, at_s: float, looks: list[Look]) -> None:
    with contextlib.suppress(psutil.Error):
        rss = process.memory_info().rss / 2**20
        looks.append(Look(at_s, rss, process.num_fds(), process.num_threads()))
        if name == "command" or len(looks) % 6 == 1:
            one = looks[-1]
            print(
                f"{one.at_s:7.0f} s  {name:9}  {one.rss_mb:7.1f} MB  "
                f"{one.descriptors:4} descriptors  {one.threads:3} threads",
                flush=True,
            )


def _grown(name: str, looks: list[Look], margin: float) -> list[str]:
    """What of the process is more in the last quarter of its time than in the second, in words."""
    quarter = len(looks) // 4
    if quarter < 2:
        return [f"{name}: too short to say anything"] if looks else []
    before, after = looks[quarter : 2 * quarter], looks[-quarter - 1 : -1]
    found = []
    for what, unit, allowed in (
        ("rss_mb", "MB", margin),
        ("descriptors", "descriptors", 0.0),
        ("threads", "threads", 0.0),
    ):
        most, now = (max(getattr(one, what) for one in part) for part in (before, after))
        if now > most * (1 + allowed) + _FEW:
            found.append(f"{name}: {most:.1f} {unit}, then {now:.1f}")
    return found


if __name__ == "__main__":
    sys.exit(main())
