"""``paidonce load``: real concurrency in real time, measured and judged."""

from __future__ import annotations

import shlex
import sys
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
from harness.stack import Choice, Stack, open_stack
from reports import terminal
from scenarios.reference import TARGET


def load_command(
    guard: options.Guards = None,
    profile: Annotated[
        str,
        typer.Option(
            help="hot: all users fight over few orders; many: everybody pays orders of their "
            "own; shop: a mix of everything.",
            metavar="|".join(PROFILES),
        ),
    ] = "hot",
    users: Annotated[
        int, typer.Option("--users", "-u", help="Users at once.", min=1, max=2000)
    ] = 16,
    seconds: Annotated[
        float, typer.Option("--seconds", "-t", help="Seconds measured.", min=1, max=3600)
    ] = 10.0,
    warmup: Annotated[
        float, typer.Option(help="Seconds before the measurement begins.", min=0, max=600)
    ] = 2.0,
    processes: Annotated[int, typer.Option(help="Locust processes.", min=1, max=64)] = 1,
    seed: options.Seed = 0,
    out: options.Out = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Put load on guards with Locust, one after the other, and compare them.

    Every operation is recorded and judged. The exit code is 0 if no sound guard broke under the
    load; a vulnerable one may break or not, which is up to the machine.
    """
    if profile not in PROFILES:
        raise UsageError(
            f"--profile: unknown profile {profile!r}; choose one of: {', '.join(PROFILES)}"
        )
    variants = tuple(TARGET.variant(name) for name in guard or ()) or TARGET.variants
    folder = options.folder(out)
    plan = Workload(profile, users, seconds, warmup, seed, processes)
    findings = Findings(
        Plan(TARGET, variants, (), folder, seed, command=shlex.join(["paidonce", *sys.argv[1:]]))
    )
    choice = options.backends(backends, postgres, redis, stripe)
    try:
        with bar() as progress:
            loop.run(_run(choice, plan, findings, progress))
    finally:
        findings.interrupted = len(findings.loads) < len(variants)
        proof = findings.proof()
        written = reports.write_all(proof, folder)
    console = Console()
    console.print(terminal.render_loads(proof))
    for path in written.values():
        console.print(f"  {path}", highlight=False, soft_wrap=True)
    return reports.exit_status(proof)


async def _run(choice: Choice, plan: Workload, findings: Findings, progress: Progress) -> None:
    task = progress.add_task(
        "starting Postgres, Redis and Stripe", total=len(findings.plan.variants)
    )
    async with open_stack(TARGET, choice, logs=findings.plan.out / "logs") as stack:
        await load_all(stack, plan, findings, progress, task)


async def load_all(
    stack: Stack, plan: Workload, findings: Findings, progress: Progress, task: TaskID
) -> None:
    """Measure one variant after the other: side by side they would measure each other."""
    lane = await stack.lane()
    for variant in findings.plan.variants:
        progress.update(task, description=f"load on {variant.name}")
        place = Path(HISTORIES) / variant.name
        settings = {"workers": "1", "pool_size": str(min(max(plan.users, 10), 100))}
        tapped = Capability.STRIPE_LEDGER not in lane.stripe.capabilities
        async with stack.bench(lane, variant.name, settings, tapped=tapped) as bench:
            findings.met(bench)
            load = await measure(bench, plan, findings.plan.out / place)
        history = (place / load.history).as_posix()
        findings.loads.append(msgspec.structs.replace(load, history=history))
        progress.update(task, advance=1)
