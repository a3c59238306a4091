"""Tries every fix that is proposed for racy services, and counts what comes of it.

    python benchmarks/tried_fixes.py [--only NAME] [--every 1] [--budget 60s] [--out FOLDER]

The services are those of ``tests/cases`` that have a counterexample. ``paidonce predict --try`` is
run for each: it searches, and once more for every fix it proposes, with what that changes changed
at the taps. Printed is a line for each fix and what came of it, and the counts at the end: a fix
that does not close what it is given for is none (exit code 1).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_CASES = _HERE.parent / "tests" / "cases"
_LONGEST_S = 900
_NOT_CLOSED = "does not"


def main() -> int:
    """Try them; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="services with this in their name")
    parser.add_argument("--every", type=int, default=1, help="each so-manieth of them")
    parser.add_argument("--budget", default="60s", help="of each search")
    parser.add_argument("--out", type=Path, help="a folder to keep the reports in")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or Path(scratch)
        chosen = [one for one in _racy() if options.only in f"{one[0]} {one[2]}"]
        for folder, target, variant in chosen[:: options.every]:
            name = f"{folder}/{target} {variant or 'default'}"
            counts["services"] += 1
            for fix, result, reason in _tried(folder, target, variant, options.budget, out):
                counts[f"{fix}: {result}"] += 1
                print(f"{name}: {fix}: {result}", flush=True)
                if result == _NOT_CLOSED:
                    print(f"    {reason}", flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:5} {name}")
    return any(name.endswith(_NOT_CLOSED) for name in counts)


def _racy() -> Iterator[tuple[str, str, str]]:
    """Folder, target file and variant of each service with a counterexample, once."""
    sys.path.insert(0, str(_CASES))
    from case_table import CASES, FOUND

    seen = set()
    for case in CASES:
        key = (case.folder, case.target, case.variant)
        if case.codes == (FOUND,) and key not in seen and not case.node:
            seen.add(key)
            yield key


def _tried(
    folder: str, target: str, variant: str, budget: str, out: Path
) -> Iterator[tuple[str, str, str]]:
    """The fixes proposed for one service, each with what came of it, and why."""
    report = out / f"{folder}-{Path(target).stem}-{variant or 'default'}"
    command = [sys.executable, "-m", "paidonce", "predict", target, "--try", "--out", str(report)]
    command += ["--budget", budget, *(["--variant", variant] if variant else [])]
    try:
        ran = subprocess.run(
            command, cwd=_CASES / folder, capture_output=True, text=True, timeout=_LONGEST_S
        )
    except subprocess.TimeoutExpired:
        print(f"{folder}/{target} {variant}: not over within {_LONGEST_S} s", flush=True)
        return
    found = report / "predictions.json"
    if not found.exists():
        last = (ran.stderr.strip().splitlines() or ["nothing said"])[-1]
        print(f"{folder}/{target} {variant}: exit code {ran.returncode}: {last}", flush=True)
        return
    for prediction in json.loads(found.read_bytes()):
        for one in prediction["tried"]:
            yield one["fix"], one["result"], one["reason"]


if __name__ == "__main__":
    sys.exit(main())
