"""``paidonce load``: real concurrency in real time, measured and judged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from paidonce import reports
from paidonce.harness.cli import load_options, load_target, options
from paidonce.harness.cli.measuring import load_all
from paidonce.harness.cli.progress import bar
from paidonce.harness.errors import UsageError
from paidonce.harness.extras import need
from paidonce.harness.load.generate.job import PROFILES
from paidonce.harness.load.measure import Workload
from paidonce.harness.load.observe.telemetry import Telemetry
from paidonce.harness.load.plan.settings import ARRIVALS, LONGEST_THINKING
from paidonce.harness.load.plan.spread import spread
from paidonce.harness.load.sweep import CONTENTION, sweeps, swept
from paidonce.harness.masking import command_line
from paidonce.harness.process import event_loop as loop
from paidonce.harness.proof.plan import Findings, ProofPlan
from paidonce.harness.scenario.subject import Described
from paidonce.harness.targets.load import Pressure
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.reports.formats import terminal
from paidonce.scenarios.reference import TARGET


def load_command(
    context: typer.Context,
    target: load_options.TargetToLoad = None,
    guard: load_options.GuardsOrVariant = None,
    profiles: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            help="hot: all users fight over few orders; many: everybody pays orders of their "
            "own; pay: the orders that --contention says; shop: a mix of everything. May be given "
            "again, to measure under each. \\[default: hot, or pay with a --contention]",
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
            help="Clients who arrive in a second, whether those before them were answered or not "
            "(an open loop; --users bounds how many are under way); 0: users go on when answered.",
            min=0,
            max=100000,
        ),
    ] = 0.0,
    arrivals: Annotated[
        str, typer.Option(help="How clients arrive.", metavar="poisson|constant")
    ] = "poisson",
    contentions: load_options.Contentions = None,
    think: load_options.Think = "0.01",
    timeout: load_options.Timeout = 15.0,
    retries: load_options.Retries = None,
    stripe_takes: load_options.StripeLatency = "",
    connections: load_options.Connections = None,
    sweep: load_options.Sweeps = None,
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
            help="Measure every guard this often, in turns, each time beside the machine's own "
            "speed: what paidonce compare needs, and better figures.",
            min=1,
            max=100,
        ),
    ] = 1,
    try_fixes: load_options.TryFixes = False,
    bursts: load_options.Bursts = 10,
    fresh: options.Fresh = False,
    limits: Annotated[
        bool,
        typer.Option(
            help="Measure the same SQL without the service as well, by pgbench, once a guard "
            "(five seconds or so)."
        ),
    ] = True,
    seed: options.Seed = 0,
    out: options.Out = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            help="While it runs, let Prometheus fetch its figures from this port of 127.0.0.1 "
            "(0: a free one).",
            metavar="PORT",
            min=0,
            max=65535,
            show_default=False,
        ),
    ] = None,
    otlp: Annotated[
        str | None,
        typer.Option(
            help="While it runs, send its figures to the OpenTelemetry collector at this address "
            "of this machine, such as http://127.0.0.1:4318.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Put load on guards with Locust, one after the other, and show them side by side.

    Every operation is recorded and judged. The exit code is 0 if no sound guard broke under the
    load; a vulnerable one may break or not, which is up to the machine.

    With a target file its own attempts are played: first in bursts, which are judged, then as many
    orders at once as there are users. With --try that is done again for each fix that paidonce
    predict proposes, made on the way with the service untouched, in turns.
    """
    if target is not None:
        pressure = Pressure(
            users=users, seconds=seconds, bursts=bursts, stripe_latency=stripe_takes
        )
        playable = load_target.playable_of(context, target, guard or ())
        choice = options.backends(backends, postgres, redis, stripe)
        load_options.check_stripe(stripe_takes, choice.stripe)
        return load_target.load_target(
            playable,
            choice,
            pressure,
            options.folder(out),
            rounds=repeat,
            try_fixes=try_fixes,
            fresh=fresh,
        )
    load_target.refuse_others(
        context, load_target.OF_TARGETS, "name the target file to put under load"
    )
    asked = sweeps(sweep)
    contentions = contentions or [x.values[0] for x in asked if x.name == CONTENTION]
    wanted = tuple(dict.fromkeys(profiles or (("pay",) if contentions else ("hot",))))
    for profile in wanted:
        if profile not in PROFILES:
            raise UsageError(
                f"--profile: unknown profile {profile!r}; choose one of: {', '.join(PROFILES)}"
            )
    variants = tuple(TARGET.variant(name) for name in guard or ()) or TARGET.variants
    if saturate is not None and rate:
        raise UsageError("--saturate searches for a rate itself: leave out --rate")
    if arrivals not in ARRIVALS:
        raise UsageError(f"--arrivals: expected {' or '.join(ARRIVALS)}, got {arrivals!r}")
    spread(think, "--think", "seconds", LONGEST_THINKING)
    bases = [
        Workload(
            profile=profile,
            users=users,
            seconds=seconds,
            warmup=warmup,
            seed=seed,
            processes=processes,
            rate=rate,
            arrivals=arrivals,
            bound_ms=saturate,
            contention=chosen,
            think=think,
            timeout=timeout,
            retries=retries,
            stripe_latency=stripe_takes,
            connections=connections,
        )
        for profile in wanted
        for chosen in load_options.contentions_of(profile, contentions)
    ]
    plans = list(dict.fromkeys(work for base in bases for work in swept(base, asked)))
    need("load")
    choice = options.backends(backends, postgres, redis, stripe)
    for latency in dict.fromkeys(plan.stripe_latency for plan in plans):
        load_options.check_stripe(latency, choice.stripe)
    watched = metrics_port is not None or otlp is not None
    telemetry = Telemetry(metrics_port, otlp) if watched else None
    folder = options.folder(out)
    findings = Findings(ProofPlan(TARGET, variants, (), folder, seed, command=command_line()))
    try:
        with telemetry or nullcontext(), bar() as progress:
            if telemetry is not None and telemetry.address is not None:
                progress.console.print(f"metrics: {telemetry.address}", soft_wrap=True)
            loop.run(_run(choice, plans, findings, progress, repeat, telemetry, limits))
    finally:
        done = {(x.variant, x.round, x.profile, x.conditions) for x in findings.loads}
        findings.interrupted = len(done) < len(variants) * repeat * len(plans)
        proof = findings.proof()
        assessed = reports.assess(proof)
        written = reports.write_all(assessed, folder)
    console = Console()
    console.print(terminal.render_loads(proof))
    for path in written.values():
        console.print(f"  {path}", highlight=False, soft_wrap=True)
    return assessed.exit_status


async def _run(
    choice: Choice,
    plans: Sequence[Workload],
    findings: Findings,
    progress: Progress,
    repeat: int,
    telemetry: Telemetry | None,
    limits: bool,
) -> None:
    task = progress.add_task(
        "starting Postgres, Redis and Stripe", total=len(findings.plan.variants) * repeat
    )
    async with open_stack(Described(TARGET), choice, logs=findings.plan.out / "logs") as stack:
        await load_all(
            stack,
            plans,
            findings,
            progress,
            task,
            repeat=repeat,
            telemetry=telemetry,
            limits=limits,
        )
