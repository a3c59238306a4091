"""Schedules a second, beside isolationtester and frontrun, in one run.

    python benchmarks/exploration.py [--rounds 5] [--schedules 100] [--out FOLDER] [--profile]

Two attempts pay one order of the reference service, unprotected (``none``) and protected
(``row_lock``). Every search goes on after a counterexample, to its end or to ``--schedules``. The
ways take turns within every round, so that what else the machine does meets all of them; figures
are medians over the rounds, and so are ratios, each of two ways in the same round. What takes
less executions to settle the same question is not faster a second, so the seconds for all
interleavings are given as well, where all were settled, and how many that is a second. How many
there are is counted by a full search of ours, made once before the rounds and to its end.

* *ours*: the service as it is, in processes of its own, over HTTP, with its Postgres and Stripe
  behind taps, every execution judged by all checkers; on as many lanes as there are cores. By
  ``dfs``, which executes every interleaving (in one process as a rule, and once with a process for
  each lane, as ``--workers`` has it), and by ``dpor``, which leaves out what makes no difference:
  the search alone, and *validated*, as it is by default, where what it relied on is then tried.
* *isolationtester*: the SQL of that, taken from our own full search, in all orders in which it
  can run, none in which it would schedule a session that waits. No service, no Stripe, no
  assertions. Alone, as it ships, and as one process for each core.
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
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from explorers import isolation, ours, profiling, rival
from explorers.measured import Sample, Way, better, ratio, sooner

from paidonce.harness.explore.cluster.crew import crew_at
from paidonce.harness.explore.cluster.local import local_cluster
from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import opened
from paidonce.harness.process.event_loop import run
from paidonce.harness.process.tempdirs import TempFolder
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

STORY = "two_tabs"
GUARDS = ("none", "row_lock")
_VALIDATED = "dpor, validated"
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
        open_stack(Described(TARGET), Choice()) as stack,
        opened(stack, story, guard, chosen.lanes) as worlds,
    ):
        for one in worlds:
            await ours.once([one], story, guard, "dpor", 1)
        permutations = await ours.permutations(worlds, story, guard)
        with ExitStack() as exits:
            pairs: list[tuple[Way, _Once | None]] = [
                (
                    Way(
                        f"ours, {way}",
                        f"full service over HTTP, {chosen.lanes} lanes",
                        interleavings=permutations.interleavings,
                        of_sql=len(permutations.orders),
                    ),
                    _ours(worlds, guard, way, chosen.schedules),
                )
                for way in ("dfs", "dpor", _VALIDATED)
            ]
            pairs += _isolation(permutations, worlds)
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
            pairs[0][0].remark = await _spent(worlds, guard, chosen.schedules)
        ways = [way for way, _ in pairs]
        if chosen.lanes > 1:
            ways.insert(1, await _spread(worlds[0], guard, chosen, permutations))
    return ways


async def _spread(
    here: ServiceWorlds, guard: str, chosen: argparse.Namespace, permutations: ours.Permutations
) -> Way:
    """The full search with a process for each lane. Its workers are at work even when nobody
    asks them for anything, so it is measured when all others are through."""
    way = Way(
        f"ours, dfs in {chosen.lanes} processes",
        "a lane in each (--workers); measured after the others",
        interleavings=permutations.interleavings,
        of_sql=len(permutations.orders),
    )
    async with _workers(chosen.lanes - 1, guard) as elsewhere:
        once = _ours([here], guard, "dfs", chosen.schedules, elsewhere)
        await _rounds([(way, once)], chosen.rounds)
    return way


async def _spent(worlds: list[ServiceWorlds], guard: str, most: int) -> str:
    """Whose processor time an execution takes."""
    before = profiling.processor_time(worlds)
    sample = await ours.once(worlds, scenario(STORY), guard, "dfs", most)
    after = profiling.processor_time(worlds)
    spent = {
        who: (seconds - before.get(who, 0.0)) / sample.schedules * 1000
        for who, seconds in after.items()
    }
    parts = [f"{who} {ms:.1f}" for who, ms in spent.items() if ms >= 0.1]
    return f"{sum(spent.values()):.1f} ms of processor time each: {', '.join(parts)}"


async def _rounds(pairs: list[tuple[Way, _Once | None]], rounds: int) -> None:
    """The first round warms everything up and is not counted."""
    for number in range(rounds + 1):
        for way, once in pairs:
            if once is not None:
                sample = await once()
                if number:
                    way.samples.append(sample)


def _ours(
    worlds: list[ServiceWorlds],
    guard: str,
    way: str,
    most: int,
    elsewhere: Elsewhere | None = None,
) -> _Once:
    search, _, tried = way.partition(", ")
    return lambda: ours.once(
        worlds, scenario(STORY), guard, search, most, elsewhere, validated=bool(tried)
    )


@dataclass(frozen=True)
class _Lane:
    """Opens the service with backends of its own, in the process it is pickled to."""

    story: str
    guard: str

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[ServiceWorlds]:
        async with (
            open_stack(Described(TARGET), Choice()) as stack,
            opened(stack, scenario(self.story), self.guard, 1) as (worlds,),
        ):
            yield worlds


@asynccontextmanager
async def _workers(count: int, guard: str) -> AsyncIterator[Elsewhere]:
    """Lanes in as many processes more, as ``paidonce explore --workers`` has them."""
    lane = _Lane(STORY, guard)
    async with local_cluster(count) as cluster, crew_at(cluster.address, lane) as crew:
        yield Elsewhere(crew)


def _isolation(
    permutations: ours.Permutations, worlds: list[ServiceWorlds]
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
        way = Way(name, f"SQL alone, {count} permutations, {at_once} at once", of_sql=count)
        once = _threaded(lambda s=specs: isolation.once(s, urls[: len(s)], count, whole=True))
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
            open_stack(Described(TARGET), Choice()) as stack,
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
        "| guard | way | schedules | a second | least to most | all, in seconds "
        "| settled a second | of SQL alone | |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for guard, each in ways.items():
        lines += [_row(guard, way) for way in each]
    lines += [
        "",
        _NOTE,
        "",
        f"| guard | ours beside | executions (aim: {WANTED:g} times) | all settled "
        "| settled a second |",
        "|---|---|---:|---:|---:|",
    ]
    for guard, each in ways.items():
        lines += _beside(guard, each)
    return "\n".join(lines) + "\n"


_NOTE = """\
*All, in seconds*: until every interleaving is settled; empty where --schedules cut the search
short. *Settled a second*: how many interleavings our full search has (calls to Stripe and
beginnings of requests are choices in it), by those seconds; dfs executes each of them, dpor one of
those that come to the same. *Validated* counts, and takes the time of, the executions that try what
the search relied on as well; where there are few interleavings that is all of them once. A search
that found a counterexample relies on nothing, and tries nothing. *Of SQL alone*: counted as
isolationtester's permutations are, so that both count the same, although ours settles more in that
time. Below, ours is whichever of dfs and validated dpor is better: *executions* a second beside
theirs; *all settled*, how many times as soon, which is the ratio of *of SQL alone*; *settled a
second*, ours counted with Stripe beside theirs without."""


def _row(guard: str, way: Way) -> str:
    if way.skipped:
        return f"| {guard} | {way.name} | | skipped | | | | | {way.skipped} |"
    rates = [sample.rate for sample in way.samples]
    return (
        f"| {guard} | {way.name} | {way.samples[-1].schedules} | {way.rate:.1f} "
        f"| {min(rates):.1f} to {max(rates):.1f} "
        f"| {'' if way.whole is None else f'{way.whole:.3f}'} "
        f"| {_number(way.settled(way.interleavings))} | {_number(way.settled(way.of_sql))} "
        f"| {'; '.join(filter(None, (way.about, way.remark)))} |"
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _beside(guard: str, ways: list[Way]) -> list[str]:
    """Our best beside each of the others: per execution, and per question."""
    mine = [way for way in ways if way.name.startswith("ours")]
    settling = [way for way in mine if way.name != "ours, dpor" and "processes" not in way.name]
    # Only what took turns with the others in every round is put beside them.
    faster = better(settling)
    whole = [way for way in settling if way.whole is not None]
    soonest = min(whole, key=lambda way: way.whole or 0.0, default=None)
    lines = []
    for other in ways:
        if other in mine or not other.samples or faster is None:
            continue
        settled = many = ""
        if soonest is not None and other.whole is not None and other.of_sql:
            times = sooner(soonest, other)
            settled = f"{times:.2f} times as soon"
            many = f"{times * (soonest.interleavings or 0) / other.of_sql:.1f} times"
        lines.append(
            f"| {guard} | {other.name} | {ratio(faster, other):.2f} times | {settled} | {many} |"
        )
    return lines


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
