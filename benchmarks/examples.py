"""Worked examples: executions until the race, executions of a complete search, replays.

``python benchmarks/examples.py [NAME ...] [--replays N] [--write]`` builds each example in a
temporary folder, explores every variant and replays each witness N times (50) on a service started
anew. ``--write`` puts the table into docs/examples.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "examples"))

from example_runs import EXAMPLES, Example, Wanted, build, copied, explored  # noqa: E402

from paidonce.harness.backends.shared import shared_servers  # noqa: E402
from paidonce.harness.explore.exploration import Explored  # noqa: E402
from paidonce.harness.explore.regression import shared_choice  # noqa: E402
from paidonce.harness.explore.search import Ending  # noqa: E402

BEGIN, END = "<!-- measured:begin -->", "<!-- measured:end -->"
HEAD = """\
| target | variant | claimed | the search ended in | executions | seconds | replays alike |
|---|---|---|---|---:|---:|---:|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="express-pg, or express-pg/target.toml")
    parser.add_argument("--replays", type=int, default=50)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    every = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("*/*.toml"))
    chosen = [name for name in every if not given.names or _among(name, given.names)]
    rows = []
    with shared_servers():
        for name in chosen:
            with tempfile.TemporaryDirectory() as folder:
                target = copied(name.split("/")[0], Path(folder)) / name.split("/")[1]
                build(target)
                wanted = Wanted(replays=given.replays)
                example = explored(target, shared_choice(), Path(folder), wanted)
            for row in _rows(name, example):
                print(row, flush=True)
                rows.append(row)
    if given.write:
        page = ROOT / "docs" / "examples.md"
        before, _, rest = page.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        page.write_text(f"{before}{BEGIN}\n{HEAD}" + "\n".join(rows) + f"\n{END}{after}")


def _among(name: str, given: list[str]) -> bool:
    return name in given or name.split("/")[0] in given


def _rows(name: str, example: Example) -> list[str]:
    rows = []
    for variant, came in example.explored.items():
        sound = "sound" if example.sound[variant] else "broken"
        replays = example.replays.get(variant)
        alike = "" if replays is None else f"{replays.count('')} of {len(replays)}"
        ended, executions, seconds = _ended(came)
        cells = (name, f"`{variant}`", sound, ended, executions, f"{seconds:.1f}", alike)
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _ended(came: Explored) -> tuple[str, str, float]:
    result = came.result
    match result.ending:
        case Ending.COUNTEREXAMPLE:
            found = result.found[0]
            return "a counterexample", str(found.execution.number), found.seconds
        case Ending.COMPLETE:
            return "complete, nothing found", str(result.counts.executions), result.seconds
        case Ending.INCOMPLETE:
            return f"not complete: {result.reason}", str(result.counts.executions), result.seconds


if __name__ == "__main__":
    main()
