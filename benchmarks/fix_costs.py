"""The costs of each fix that is proposed, in orders a second, for the services of ``examples``.

    python benchmarks/fix_costs.py [--only NAME] [--out FOLDER] [--from FOLDER]

``paidonce load --try`` is run for each: the racy service as it is, and with every fix made on the
way, in turns. Writes ``fix-costs.svg`` beside docs/load.md and the table in it, between the two
marks. ``--out`` keeps the reports; ``--from`` draws those that are there already.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from paidonce.harness.results.fix_costs import FixCosts
from paidonce.reports.formats import fix_costs as writer
from paidonce.reports.load.fix_costs import HEADER, table

_TOP = Path(__file__).resolve().parent.parent
_DOCS = _TOP / "docs"
SERVICES = (
    ("express-pg", "racy"),
    ("flask-sqlalchemy", "racy"),
    ("go", "racy"),
    ("webhook-settles", "racy"),
)
OPTIONS = ("--try", "--stripe-latency", "20", "--users", "8", "--seconds", "3", "--repeat", "3")
_MARKED = re.compile(r"(<!-- fix-costs:begin -->\n).*?(<!-- fix-costs:end -->)", re.DOTALL)


def main() -> None:
    """Measure them, unless that was done already, and draw them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="services with this in their name")
    parser.add_argument("--out", type=Path, help="a folder to keep the reports in")
    parser.add_argument("--from", dest="given", type=Path, help="where reports were kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.given or options.out or Path(scratch)
        chosen = [one for one in SERVICES if options.only in one[0]]
        if options.given is None:
            for name, variant in chosen:
                _measure(name, variant, folder / name)
        several = [writer.read(folder / name / "costs.json") for name, _ in chosen]
    (_DOCS / "fix-costs.svg").write_text(writer.drawing(several))
    told = shown(several)
    page = _DOCS / "load.md"
    text, changed = _MARKED.subn(lambda m: f"{m[1]}{told}\n{m[2]}", page.read_text())
    if changed != 1:
        raise SystemExit(f"{page} has no place marked for the costs of fixes")
    page.write_text(text)
    print(told)


def _measure(name: str, variant: str, out: Path) -> None:
    target = str(Path("examples") / name / "target.toml")
    command = [sys.executable, "-m", "paidonce", "load", target, "--variant", variant, *OPTIONS]
    subprocess.run([*command, "--out", str(out.resolve())], cwd=_TOP, check=True)


def shown(several: list[FixCosts]) -> str:
    """One table of them all."""
    lines = [
        f"| service | way{' | '.join(HEADER)} |",
        f"|---|---|{'---:|' * (len(HEADER) - 1)}",
    ]
    for costs in several:
        lines += [f"| {costs.target} | {' | '.join(row)} |" for row in table(costs)]
    outside = [
        f"{costs.target}: {', '.join(dict.fromkeys(one.name for one in costs.left_out))}"
        for costs in several
        if costs.left_out
    ]
    if outside:
        lines += ["", f"Not to be tried from outside: of {'; of '.join(outside)}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
