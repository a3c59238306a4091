"""``paidonce load``: real concurrency in real time, measured and judged."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, TaskID

import reports
from harness import loop
from harness.capability import Capability
from harness.cli import options
from harness.cli.progress import bar
from harness.errors import UsageError
from harness.findings import HISTORIES, Findings, Plan
from harness.load.job import PROFILES
from harness.load.measure import Workload, measure
from harness.load.saturation import Climb
from harness.load.settings import ARRIVALS
from harness.load.yardstick import Yardstick
from harness.results import Load, Variant
from harness.stack import Choice, Lane, Stack, open_stack
from reports import terminal
from scenarios.reference import TARGET


def load_command(
    guard: options.Guards = None,
    profiles: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            help="hot: all users fight over few orders; many: everybody pays orders of their "
            "own; shop: a mix of everything. May be given again, to measure under each. "
            "[default: hot]",
            metavar="|".join(PROFILES),
            show_default=False,
        ),
    ] = None,
    users: Annotated[
        int, typer.Option("--users", "-u", help="Users at once.", min=1, max=2000)
    ] = 16,
    seconds: Annotated[
        float, typer.Option("--seconds", "-t", help="Seconds measured.", min=1, max=3600)
    ] = 10.0,
    warmup: Annotated[
        float, typer.Option(help="Seconds before the measurement begins.", min=0, max=600)
    ] = 2.0,
    rate: Annotated[
        float,
        typer.Option(
            help="Clients a second who come whether those before them were answered or not (an "
            "open loop; --users bounds how many are under way); 0: users go on when answered.",
            min=0,
            max=100000,
        ),
    ] = 0.0,
    arrivals: Annotated[
        str, typer.Option(help="How they come.", metavar="poisson|constant")
    ] = "poisson",
    processes: Annotated[int, typer.Option(help="Locust processes.", min=1, max=64)] = 1,
    saturate: Annotated[
        float | None,
        typer.Option(
            help="Search for the highest rate (of an open loop) at which p99 stays under so many "
            "milliseconds, nearly all are served and nothing breaks.",
            metavar="P99_MS",
            min=1,
            max=60000,
        ),
    ] = None,
    repeat: Annotated[
        int,
        typer.Option(
            help="Measure every guard so often, in turns, each time beside the machine's own "
            "speed: what paidonce compare needs, and better figures.",
            min=1,
            max=100,
        ),
    ] = 1,
    seed: options.Seed = 0,
    out: options.Out = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Put load on guards with Locust, one after the other, and show them side by side.

    Every operation is recorded and judged. The exit code is 0 if no sound guard broke under the
    load; a vulnerable one may break or not, which is up to the machine.
    """
    wanted = tuple(dict.fromkeys(profiles or ("hot",)))
    for profile in wanted:
        if profile not in PROFILES:
            raise UsageError(
                f"--profile: unknown profile {profile!r}; choose one of: {', '.join(PROFILES)}"
            )
    variants = tuple(TARGET.variant(name) for name in guard or ()) or TARGET.variants
    folder = options.folder(out)
    if saturate is not None and (rate or repeat > 1):
        raise UsageError("--saturate searches for a rate itself: leave out --rate and --repeat")
    if arrivals not in ARRIVALS:
        raise UsageError(f"--arrivals: expected {' or '.join(ARRIVALS)}, got {arrivals!r}")
    plans = [
        Workload(one, users, seconds, warmup, seed, processes, rate, arrivals, saturate)
        for one in wanted
    ]
    findings = Findings(
        Plan(TARGET, variants, (), folder, seed, command=shlex.join(["paidonce", *sys.argv[1:]]))
    )
    choice = options.backends(backends, postgres, redis, stripe)
    try:
        with bar() as progress:
            loop.run(_run(choice, plans, findings, progress, repeat))
    finally:
        done = {(load.variant, load.round, load.profile) for load in findings.loads}
        findings.interrupted = len(done) < len(variants) * repeat * len(plans)
        proof = findings.proof()
        written = reports.write_all(proof, folder)
    console = Console()
    console.print(terminal.render_loads(proof))
    for path in written.values():
        console.print(f"  {path}", highlight=False, soft_wrap=True)
    return reports.exit_status(proof)


async def _run(
    choice: Choice,
    plans: Sequence[Workload],
    findings: Findings,
    progress: Progress,
    repeat: int,
) -> None:
    task = progress.add_task(
        "starting Postgres, Redis and Stripe", total=len(findings.plan.variants) * repeat
    )
    async with open_stack(TARGET, choice, logs=findings.plan.out / "logs") as stack:
        await load_all(stack, plans, findings, progress, task, repeat=repeat)


async def load_all(
    stack: Stack,
    plans: Sequence[Workload],
    findings: Findings,
    progress: Progress,
    task: TaskID,
    *,
    repeat: int = 1,
) -> None:
    """Measure one variant after the other, under all ``plans``: side by side they would measure
    each other.

    With ``repeat`` rounds they take turns, every round beginning with another one, and before each
    measurement the machine is measured.
    """
    lane = await stack.lane()
    variants = findings.plan.variants
    with ExitStack() as exits:
        yardstick = None
        if repeat > 1:
            log = findings.plan.out / "logs" / "pgbench.log"
            made = await asyncio.to_thread(Yardstick, stack.postgres, log)
            yardstick = exits.enter_context(made)
        for number in range(1, repeat + 1):
            first = (number - 1) % len(variants)
            for variant in (*variants[first:], *variants[:first]):
                turn = f" ({number} of {repeat})" if repeat > 1 else ""
                progress.update(task, description=f"load on {variant.name}{turn}")
                place = Path(HISTORIES) / variant.name
                if repeat > 1:
                    place /= f"round-{number}"
                async for load in _measured(
                    stack, lane, variant, plans, findings, place, yardstick
                ):
                    findings.loads.append(msgspec.structs.replace(load, round=number))
                    if load.bound_ms is not None:
                        words = f"load on {variant.name}, {load.rate:.0f} clients a second"
                        progress.update(task, description=words)
                progress.update(task, advance=1)


async def _measured(
    stack: Stack,
    lane: Lane,
    variant: Variant,
    plans: Sequence[Workload],
    findings: Findings,
    place: Path,
    yardstick: Yardstick | None,
) -> AsyncIterator[Load]:
    most = max(plan.users for plan in plans)
    settings = {"workers": "1", "pool_size": str(min(max(most, 10), 100))}
    tapped = Capability.STRIPE_LEDGER not in lane.stripe.capabilities
    async with stack.bench(lane, variant.name, settings, tapped=tapped) as bench:
        findings.met(bench)
        for plan in plans:
            if plan.bound_ms is None:
                speed = None if yardstick is None else await asyncio.to_thread(yardstick.measure)
                load = await measure(bench, plan, findings.plan.out / place)
                yield _placed(load, place, yardstick=speed)
                continue
            climb = Climb(plan.bound_ms)
            while (rate := climb.next()) is not None:
                at = place / f"{rate:.0f}-a-second"
                load = await measure(bench, replace(plan, rate=rate), findings.plan.out / at)
                climb.told(load)
                yield _placed(load, at, bound_ms=plan.bound_ms)


def _placed(load: Load, place: Path, **more: float | None) -> Load:
    return msgspec.structs.replace(load, history=(place / load.history).as_posix(), **more)
