"""How the cost of a search grows, with and without reduction.

    python benchmarks/growth.py [--seconds 120] [--full-seconds 20]
        [--attempts 2 3 4] [--statements 6 8 10 20 50 300]

Every point is one search to its end, or to ``--seconds`` (``--full-seconds`` without reduction);
then what it came to is a lower bound and drawn as one, and how many executions a search without
reduction would have made is estimated. Against
attempts: the reference service with ``row_lock``, story ``two_tabs``. Against statements per
attempt: the chatty shop of the tests, two attempts. Writes ``growth.svg`` beside
docs/exploration.md and the table in it, between the two marks; ``--data FILE`` keeps the figures
as JSON, and ``--from FILE`` draws them again.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from explorers.growing import Growth, Point, against_attempts, against_statements
from explorers.plot import Dot, Panel, draw

from paidonce.harness.process.event_loop import run

GUARD = "row_lock"
LEGEND = ("with reduction (dpor)", "without (dfs)")
_DOCS = Path(__file__).parents[1] / "docs"
_MARKED = re.compile(r"(<!-- growth:begin -->\n).*?(<!-- growth:end -->)", re.DOTALL)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=120.0)
    options.add_argument("--full-seconds", type=float, default=20.0)
    options.add_argument("--attempts", type=int, nargs="+", default=[2, 3, 4])
    options.add_argument("--statements", type=int, nargs="+", default=[6, 8, 10, 20, 50, 300])
    options.add_argument("--lanes", type=int, default=os.cpu_count() or 1)
    options.add_argument("--docs", type=Path, default=_DOCS)
    options.add_argument("--data", type=Path)
    options.add_argument("--from", dest="given", type=Path)
    chosen = options.parse_args()
    if chosen.given is not None:
        growth = msgspec.json.decode(chosen.given.read_bytes(), type=Growth)
    else:
        growth = run(measured(chosen))
    if chosen.data is not None:
        chosen.data.write_bytes(msgspec.json.format(msgspec.json.encode(growth)) + b"\n")
    (chosen.docs / "growth.svg").write_text(picture(growth))
    page = chosen.docs / "exploration.md"
    shown = table(growth)
    text, changed = _MARKED.subn(lambda m: f"{m[1]}{shown}{m[2]}", page.read_text())
    if changed != 1:
        raise SystemExit(f"{page} has no place marked for the table of growth")
    page.write_text(text)
    print(shown)


async def measured(chosen: argparse.Namespace) -> Growth:
    before = os.getloadavg()[0]
    lanes, limits = chosen.lanes, (chosen.seconds, chosen.full_seconds)
    attempts = await against_attempts(GUARD, chosen.attempts, lanes, limits)
    statements = await against_statements(chosen.statements, lanes, limits)
    return Growth(
        guard=GUARD,
        attempts=attempts,
        statements=statements,
        lanes=lanes,
        limits=limits,
        load=(before, os.getloadavg()[0]),
        python=platform.python_version(),
    )


def picture(growth: Growth) -> str:
    def panel(
        title: str, x_label: str, points: tuple[Point, ...], dot: Callable[[Point], Dot]
    ) -> Panel:
        curves = tuple(
            tuple(dot(point) for point in points if point.reduced is reduced)
            for reduced in (True, False)
        )
        return Panel(title, x_label, curves, log_x=len({p.x for p in points}) > 3)

    def executions(point: Point) -> Dot:
        if point.estimate is not None:
            return Dot(point.x, 10.0 ** min(point.estimate, 300.0), about=True)
        return Dot(point.x, point.executions, least=not point.complete)

    def seconds(point: Point) -> Dot:
        return Dot(point.x, point.seconds, least=not point.complete)

    at = "attempts"
    per = "statements per attempt (2 attempts)"
    note = (
        f"hollow: not through after {growth.limits[0]:g} s ({growth.limits[1]:g} s without "
        "reduction); with an arrow at least that much, else estimated"
    )
    return draw(
        "What a complete search costs",
        note,
        LEGEND,
        [
            panel("executions", at, growth.attempts, executions),
            panel("executions", per, growth.statements, executions),
            panel("seconds", at, growth.attempts, seconds),
            panel("seconds", per, growth.statements, seconds),
        ],
    )


def table(growth: Growth) -> str:
    """Markdown."""
    low, high = sorted(growth.load)
    lines = [
        "| | steps | executions, reduced | seconds | executions, all | seconds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for points, name in ((growth.attempts, "attempts"), (growth.statements, "statements")):
        for x in dict.fromkeys(point.x for point in points):
            reduced, full = (
                next(p for p in points if p.x == x and p.reduced is wanted)
                for wanted in (True, False)
            )
            steps = max(reduced.steps, full.steps)
            cells = [f"{x} {name}", str(steps), *_cells(reduced), *_cells(full)]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"Attempts: the reference service with `{growth.guard}`. Statements: per attempt, in a "
        f"shop of the tests with 2 attempts. {growth.lanes} lanes on {growth.lanes} cores, load "
        f"of the machine {low:.1f} to {high:.1f}, Python {growth.python}; at most "
        f"{growth.limits[0]:g} s for each search, {growth.limits[1]:g} s without reduction.",
        "",
    ]
    return "\n".join(lines)


def _cells(point: Point) -> tuple[str, str]:
    least = "" if point.complete else "over "
    executions = f"{least}{point.executions:,}"
    if point.estimate is not None:
        executions = f"about 10^{point.estimate:.0f}"
        if point.estimate < 6:
            executions = f"about {10**point.estimate:,.0f}"
    return executions, f"{least}{point.seconds:.1f}"


if __name__ == "__main__":
    main()
