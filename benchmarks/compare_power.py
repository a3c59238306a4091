"""Whether ``paidonce compare`` is red when it should be, and only then.

    python benchmarks/compare_power.py [--pairs 10] [--repeat 8] [--seconds 1.5] [--slower 0.2]

Measures one guard over and over, by turns as it is and slower by a known share (each request takes
that much longer in the service, see ``slower/sitecustomize.py``), every run with ``--repeat``
rounds. Then each run as it is is compared with the next two of its kind, where an alarm is a false
one, and each slowed run with its neighbours as it is, where no alarm is a miss.
Stripe takes 50 ms by default, so that a request's time is the service's and not what a client on
the same few processors spends. Runs are kept in ``--out``; one that is there already is not made
again, so a broken-off benchmark goes on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from paidonce import reports
from paidonce.harness.load.analyse.comparison import Comparison, compare

SLOWER = Path(__file__).parent / "slower"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=10)
    options.add_argument("--repeat", type=int, default=8)
    options.add_argument("--seconds", type=float, default=1.5)
    options.add_argument("--users", type=int, default=4)
    options.add_argument("--stripe-latency", default="50", help="as paidonce load takes it")
    options.add_argument("--guard", default="row_lock")
    options.add_argument("--profile", default="many")
    options.add_argument("--slower", type=float, default=0.2)
    options.add_argument("--out", type=Path, default=Path("compare-power"))
    chosen = options.parse_args()
    runs: list[Path] = []
    slowed: list[Path] = []
    same: list[Comparison] = []
    slower: list[Comparison] = []
    for number in range(chosen.pairs + 1):
        runs.append(measured(chosen, number, 0.0))
        same += [_compared(before, runs[-1]) for before in runs[-3:-1]]
        if slowed:
            slower.append(_compared(runs[-1], slowed[-1]))
        if number < chosen.pairs:
            slowed.append(measured(chosen, number, chosen.slower))
            slower.append(_compared(runs[-1], slowed[-1]))
    alarms, caught = sum(bool(c.slower) for c in same), sum(bool(c.slower) for c in slower)
    print(f"\nthe same, compared with itself: {alarms} alarms of {len(same)}")
    print(f"slower by {chosen.slower:.0%}: caught {caught} times of {len(slower)}")


def measured(chosen: argparse.Namespace, number: int, share: float) -> Path:
    """The folder of one run; makes it if it is not there."""
    folder: Path = chosen.out / f"{'slower' if share else 'same'}-{number:02}"
    if not (folder / "results.json").exists():
        # Of one that was broken off.
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "paidonce.harness.cli", "load", "--guard", chosen.guard]
        command += ["--profile", chosen.profile, "--users", str(chosen.users)]
        command += ["--stripe-latency", chosen.stripe_latency]
        command += ["--seconds", str(chosen.seconds), "--warmup", "0.5"]
        command += ["--repeat", str(chosen.repeat), "--no-limits", "--out", str(folder)]
        path = os.pathsep.join(filter(None, [str(SLOWER), os.environ.get("PYTHONPATH", "")]))
        env = os.environ | {"SLOWER": str(share), "PYTHONPATH": path}
        made = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise SystemExit(f"{folder} could not be measured:\n{made.stdout}{made.stderr}")
    return folder


def _compared(before: Path, after: Path) -> Comparison:
    found = compare(reports.load(before), reports.load(after))
    factors = ", ".join(
        f"{f.name} {f.factor:.2f} ({f.low:.2f} to {f.high:.2f})" for f in found.figures
    )
    said = "SLOWER" if found.slower else "no alarm"
    print(f"{before.name} and {after.name}: {said}; {factors}", flush=True)
    return found


if __name__ == "__main__":
    main()
