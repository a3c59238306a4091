"""Whether a verdict, and a witness, is the same every time: with cold caches and on a busy machine.

    python benchmarks/same_verdict.py [--replays 50] [--searches 20] [--loops 6]

Three services with a cache that is cold at first are searched and their witnesses replayed, the
first replay by a service that has just been started. Then three services, one broken and two
sound, are searched again and again while as many processes as asked for do nothing but spin. The
exit code is 1 where anything differs once; what a search said instead is printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

CASES = Path(__file__).parents[1] / "tests" / "cases"
PAIDONCE = Path(sys.executable).with_name("paidonce")
COLD = ("settings", "row", "script")
BUSY = (
    ("statements", "target.toml", "subselect", 1),
    ("statements", "target.toml", "plain", 0),
    ("value-in-text", "const.toml", "fixed", 0),
)


def main(options: argparse.Namespace) -> int:
    wrong = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "cases"
        shutil.copytree(CASES, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for variant in COLD if options.replays else ():
            wrong += replayed(folder / "cold-caches", variant, options.replays)
        loops = [multiprocessing.Process(target=spin, daemon=True) for _ in range(options.loops)]
        for loop in loops:
            loop.start()
        for name, target, variant, expected in BUSY if options.searches else ():
            wrong += searched(folder / name, target, variant, expected, options.searches)
        for loop in loops:
            loop.terminate()
    return int(wrong > 0)


def replayed(folder: Path, variant: str, times: int) -> int:
    """Search, replay as often as asked, and print how often the witness showed; 1 if not always."""
    out = folder / f"out-{variant}"
    told = run(folder, "explore", "target.toml", "--variant", variant, "--out", out)
    witnesses = list(out.glob("*.witness.json"))
    if told.returncode != 1 or not witnesses:
        print(f"cold {variant}: exit code {told.returncode} of the search, expected 1", flush=True)
        return 1
    again = run(folder, "replay", witnesses[0], "--times", str(times))
    shown = [line for line in again.stdout.splitlines() if " replays " in line]
    print(f"cold {variant}: {' '.join(shown) or again.stdout}", flush=True)
    return int(f"{times} of {times} replays" not in again.stdout)


def searched(folder: Path, target: str, variant: str, expected: int, times: int) -> int:
    """Search as often as asked, and print the exit codes; 1 if one was another."""
    began, codes = time.monotonic(), Counter[int]()
    for number in range(times):
        out = folder / f"out-{variant}-{number}"
        told = run(folder, "explore", target, "--variant", variant, "--out", out)
        codes[told.returncode] += 1
        if told.returncode != expected:
            print(f"search {number}: {told.stdout}{told.stderr}", flush=True)
    seconds = time.monotonic() - began
    same = f"{codes[expected]} of {times} with exit code {expected}"
    print(f"busy {folder.name} {variant}: {same}, {seconds / times:.1f} s each", flush=True)
    return int(codes[expected] != times)


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(PAIDONCE), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


def spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replays", type=int, default=50)
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--loops", type=int, default=6)
    sys.exit(main(parser.parse_args()))
