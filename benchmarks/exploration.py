"""Schedules a second, beside isolationtester and frontrun, in one run.

    python benchmarks/exploration.py [--rounds 5] [--schedules 100] [--out FOLDER] [--profile]

Two attempts pay one order of the reference service, unprotected (``none``) and protected
(``row_lock``). Every search goes on after a counterexample, to its end or to ``--schedules``. The
ways take turns within every round, so that what else the machine does meets all of them; figures
are medians over the rounds, and so are ratios, each of two ways in the same round. What takes
less executions to settle the same question is not faster a second, so the seconds for all
interleavings are given as well, where all were gone through.

* *ours*: the service as it is, in processes of its own, over HTTP, with its Postgres and Stripe
  behind taps, every execution judged by all checkers; on as many lanes as there are cores.
* *isolationtester*: the SQL of that, taken from our own full search, in all orders in which it
  can run, none in which it would schedule a session that waits. No service, no Stripe, no
  assertions. Alone, and as one process for each core.
* *frontrun*: the handler rewritten as a function with the same SQL, Stripe as a list in memory.

Writes ``exploration.json`` and ``exploration.md`` to the folder, and prints the table.
``--profile`` tells where the time of our executions goes instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explorers import isolation, ours, profiling, rival
from explorers.measured import Sample, Way, better, ratio, sooner

from harness.explore.exploration import Search, opened
from harness.explore.service_worlds import ServiceWorlds
from harness.loop import run
from harness.process.tempdirs import TempFolder
from harness.stack import Choice, open_stack
from scenarios.catalog import scenario
from scenarios.reference import TARGET

STORY = "two_tabs"
GUARDS = ("none", "row_lock")
WANTED = 5.0
"""How many times as fast as the better of the two others."""

_Once = Callable[[], Coroutine[Any, Any, Sample]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--schedules", type=int, default=100, help="most of them in a search")
    options.add_argument("--lanes", type=int, default=os.cpu_count() or 1)
    options.add_argument("--out", type=Path, default=Path("paidonce-report/benchmarks"))
    options.add_argument("--without-frontrun", action="store_true")
    options.add_argument("--profile", action="store_true")
    chosen = options.parse_args()
    if chosen.profile:
        print(run(_profiled(chosen.rounds, chosen.schedules)))
        return
    ways = run(_measured(chosen))
    chosen.out.mkdir(parents=True, exist_ok=True)
    text = table(ways, chosen.lanes)
    (chosen.out / "exploration.md").write_text(text)
    (chosen.out / "exploration.json").write_text(json.dumps(as_data(ways), indent=2) + "\n")
    print(text)
    print(f"written to {chosen.out}/exploration.md and .json")


async def _measured(chosen: argparse.Namespace) -> dict[str, list[Way]]:
    with ExitStack() as exits:
        environment, missing = None, "left out by --without-frontrun"
        if not chosen.without_frontrun:
            made = rival.Environment(exits.enter_context(TempFolder()).path)
            try:
                made.make()
                environment = made.path
            except rival.Missing as error:
                missing = str(error)
        return {guard: await _guard(guard, chosen, environment, missing) for guard in GUARDS}


async def _guard(
    guard: str, chosen: argparse.Namespace, environment: Path | None, missing: str
) -> list[Way]:
    story = scenario(STORY)
    async with (
        open_stack(TARGET, Choice()) as stack,
        opened(stack, story, guard, chosen.lanes) as worlds,
    ):
        for one in worlds:
            await ours.once([one], story, guard, Search.DPOR, 1)
        permutations = await ours.permutations(worlds[0], story, guard, chosen.schedules)
        with ExitStack() as exits:
            pairs: list[tuple[Way, _Once | None]] = [
                (
                    Way(f"ours, {way}", f"full service over HTTP, {chosen.lanes} lanes"),
                    _ours(worlds, guard, way, chosen.schedules),
                )
                for way in (Search.DFS, Search.DPOR)
            ]
            pairs += _isolation(permutations, worlds, chosen.schedules)
            frontrun = Way("frontrun", f"rewritten as a function, frontrun {rival.VERSION}")
            explorer = None
            if environment is None:
                frontrun.skipped = missing
                pairs.append((frontrun, None))
            else:
                order = ours.order_of(worlds[0])
                explorer = exits.enter_context(
                    rival.Explorer(environment, worlds[0].bench.postgres_url, order, guard)
                )
                pairs.append((frontrun, _threaded(explorer.once)))
            await _rounds(pairs, chosen.rounds)
            if explorer is not None:
                frontrun.remark = _said(explorer.holds)
    return [way for way, _ in pairs]


async def _rounds(pairs: list[tuple[Way, _Once | None]], rounds: int) -> None:
    """The first round warms everything up and is not counted."""
    for number in range(rounds + 1):
        for way, once in pairs:
            if once is not None:
                sample = await once()
                if number:
                    way.samples.append(sample)


def _ours(worlds: list[ServiceWorlds], guard: str, way: Search, most: int) -> _Once:
    return lambda: ours.once(worlds, scenario(STORY), guard, way, most)


def _isolation(
    permutations: ours.Permutations, worlds: list[ServiceWorlds], most: int
) -> list[tuple[Way, _Once | None]]:
    """One at a time, and one on the database of each lane."""
    count = len(permutations.orders)
    urls = [one.bench.postgres_url for one in worlds]
    reset = ours.reset_of(worlds[0])
    # Each lane's database holds its own order.
    named = [permutations.about(ours.order_of(one)) for one in worlds]
    found: list[tuple[Way, _Once | None]] = []
    for at_once in sorted({1, len(worlds)}):
        specs = [
            isolation.spec(named[lane], reset, permutations.orders[lane::at_once])
            for lane in range(at_once)
        ]
        name = "isolationtester" + (f" x {at_once}" if at_once > 1 else "")
        way = Way(name, f"SQL alone, {count} permutations, {at_once} at once")
        once = _threaded(
            lambda s=specs: isolation.once(s, urls[: len(s)], count, whole=count < most)
        )
        found.append((way, once))
    return found


def _threaded(work: Callable[[], Sample]) -> _Once:
    return lambda: asyncio.to_thread(work)


def _said(holds: list[bool | None]) -> str:
    words = {True: "holds", False: "a race", None: "gave up"}
    return "it said: " + ", ".join(sorted({words[one] for one in holds}))


async def _profiled(rounds: int, most: int) -> str:
    parts = []
    for guard in GUARDS:
        async with (
            open_stack(TARGET, Choice()) as stack,
            opened(stack, scenario(STORY), guard, 1) as worlds,
        ):
            parts.append(await profiling.profile(worlds[0], scenario(STORY), guard, rounds, most))
    return "\n".join(parts)


def table(ways: dict[str, list[Way]], lanes: int) -> str:
    """The figures as Markdown."""
    loads = [sample.load for each in ways.values() for way in each for sample in way.samples]
    lines = [
        f"Schedules a second, {STORY}, 2 attempts, {os.cpu_count()} cores "
        f"({platform.machine()}), load of the machine {min(loads):.1f} to {max(loads):.1f}, "
        f"Python {platform.python_version()}.",
        "",
        "| guard | way | schedules | a second | least to most | best ours is | all, in seconds | |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for guard, each in ways.items():
        mine = better([way for way in each if way.name.startswith("ours")])
        assert mine is not None
        for way in each:
            if way.skipped:
                lines.append(f"| {guard} | {way.name} | | skipped | | | | {way.skipped} |")
                continue
            rates = [sample.rate for sample in way.samples]
            beside = "" if way.name.startswith("ours") else f"{ratio(mine, way):.2f} times"
            lines.append(
                f"| {guard} | {way.name} | {way.samples[-1].schedules} | {way.rate:.1f} "
                f"| {min(rates):.1f} to {max(rates):.1f} | {beside} "
                f"| {'' if way.whole is None else f'{way.whole:.2f}'} "
                f"| {'; '.join(filter(None, (way.about, way.remark)))} |"
            )
        rivals = [way for way in each if not way.name.startswith("ours")]
        best = better(rivals)
        if best is not None:
            reached = ratio(mine, best)
            lines.append(
                f"| {guard} | **{mine.name} beside the better other ({best.name})** | | | "
                f"| **{reached:.2f} times** | | aim: {WANTED:g} |"
            )
        lines += _whole(guard, each)
    return "\n".join(lines) + "\n"


def _whole(guard: str, ways: list[Way]) -> list[str]:
    """How much sooner all interleavings are settled than by the soonest of the others."""
    whole = [way for way in ways if way.whole is not None]
    mine = [way for way in whole if way.name.startswith("ours")]
    others = [way for way in whole if way not in mine]
    if not (mine and others):
        return []
    best, other = (min(some, key=lambda way: way.whole or 0.0) for some in (mine, others))
    return [
        f"| {guard} | **all interleavings settled: {best.name} beside {other.name}** | | | "
        f"| | **{sooner(best, other):.2f} times as soon** | |"
    ]


def as_data(ways: dict[str, list[Way]]) -> dict[str, Any]:
    """The figures as JSON has them: every sample, so that medians can be checked."""
    return {
        "story": STORY,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "guards": {
            guard: [
                {
                    **{k: v for k, v in asdict(way).items() if k != "samples"},
                    "median_per_second": way.rate if way.samples else None,
                    "samples": [
                        {**asdict(sample), "per_second": sample.rate, "busy": sample.busy}
                        for sample in way.samples
                    ],
                }
                for way in each
            ]
            for guard, each in ways.items()
        },
    }


if __name__ == "__main__":
    main()
