"""Seconds from the command to the end of the first execution, of the worked example.

    python benchmarks/first_execution.py [--rounds 5] [--against PYTHON] [--scenario two_tabs]

``PYTHON`` has another build of paidonce installed beside it, which takes its turns. The first
execution is over when the command says that it has explored one. Processor time is that of all
processes of the command, until its end; beside it is that of ``paidonce --help``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

OURS = "this build"
ANOTHER = "another build"


@dataclass
class Figures:
    """What was measured of one build, a value a round: all in seconds."""

    first: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    help_page: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scenario", default="two_tabs")
    parser.add_argument("--guard", default="row_lock")
    parser.add_argument("--against", help="the Python of another build")
    given = parser.parse_args()
    builds = {OURS: sys.executable, **({ANOTHER: given.against} if given.against else {})}
    found = {name: Figures() for name in builds}
    for number in range(given.rounds + 1):
        for name, python in builds.items():
            measured = found[name] if number else Figures()  # the first round compiles
            argv = [python, "-m", "paidonce", "explore", given.scenario, "--guard", given.guard]
            _measure(measured, argv)
            before = _processor_seconds()
            subprocess.run([python, "-m", "paidonce", "--help"], check=True, capture_output=True)
            measured.help_page.append(_processor_seconds() - before)
    for name, figures in found.items():
        median = statistics.median(figures.first)
        print(
            f"{name}: first execution after {median:.2f} s ({min(figures.first):.2f} to "
            f"{max(figures.first):.2f}), {statistics.median(figures.processor):.2f} s of processor "
            f"time in all; --help {statistics.median(figures.help_page):.2f} s"
        )


def _measure(figures: Figures, argv: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before, began = _processor_seconds(), time.monotonic()
        with subprocess.Popen(
            argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as command:
            assert command.stdout is not None
            for line in command.stdout:
                if line.startswith("explored "):
                    figures.first.append(time.monotonic() - began)
                    break
            else:
                raise SystemExit(f"{' '.join(argv)} explored nothing")
            command.stdout.read()
        figures.processor.append(_processor_seconds() - before)


def _processor_seconds() -> float:
    spent = os.times()
    return spent.children_user + spent.children_system


if __name__ == "__main__":
    main()
