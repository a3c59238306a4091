"""``paidonce prove`` and ``paidonce run``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from paidonce import reports
from paidonce.harness.backends.choice import choices_of
from paidonce.harness.cli import options
from paidonce.harness.cli.measuring import load_all
from paidonce.harness.cli.progress import bar
from paidonce.harness.errors import Unavailable
from paidonce.harness.explore.validate.spending import validation_of
from paidonce.harness.load.measure import Workload
from paidonce.harness.masking import command_line
from paidonce.harness.process import event_loop as loop
from paidonce.harness.proof.matrix import prove
from paidonce.harness.proof.plan import Findings, ProofPlan
from paidonce.harness.proof.survival import SurvivalSearch
from paidonce.harness.results.proof import Beside, Cell, Proof, Survival, Variant
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.subject import Described
from paidonce.harness.service.description import Target
from paidonce.harness.testbed.stack import Choice, Stack, open_stack
from paidonce.harness.verdict import Status
from paidonce.reports.formats import terminal
from paidonce.scenarios.catalog import SCENARIOS, scenario
from paidonce.scenarios.ordeals import ORDEALS
from paidonce.scenarios.reference import TARGET

FAILURE_S = 60.0
"""For searching under failures, by default."""
LOAD_OVERHEAD_S = 3.5
"""The seconds that a guard's load takes beside those that are measured."""


def prove_command(
    guard: options.Guards = None,
    scenario_names: options.Scenarios = None,
    rounds: options.Rounds = None,
    load_seconds: Annotated[
        float,
        typer.Option(
            help="Seconds of load on each guard, for the plots; 0 for none.", min=0, max=3600
        ),
    ] = 2.0,
    search_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds for searching every interleaving of 2 attempts, all cells together; 0 "
            "for no search. \\[default: what is left of 200, 20 at least]",
            min=0,
            max=86400,
            show_default=False,
        ),
    ] = None,
    failure_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds for searching each guard under failures, all together; 0 for none. "
            "\\[default: 60, a quarter of --search-seconds at most]",
            min=0,
            max=86400,
            show_default=False,
        ),
    ] = None,
    validate: options.Validate = None,
    jobs: options.Jobs = os.cpu_count() or 2,
    seed: options.Seed = 0,
    out: options.Out = None,
    backends: options.ManyBackends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Play and search every scenario against every guard, and report which guards hold.

    Played cells survived as often as they were played. Those whose every interleaving was
    searched are proved; the report tells the two apart. The outcome of every cell is declared
    beforehand: a vulnerable guard that is not caught is as wrong as a sound one that is. Exit
    code 0 only if every cell is as declared.
    """
    choices = choices_of(backends, postgres=postgres, redis=redis, stripe=stripe)
    variants = tuple(TARGET.variant(name) for name in guard or ()) or TARGET.variants
    chosen = tuple(scenario(name) for name in scenario_names or ()) or SCENARIOS
    plan = _plan(TARGET, variants, chosen, options.folder(out), seed, rounds, jobs)
    after = len(variants) * (load_seconds + LOAD_OVERHEAD_S) if load_seconds else 0.0
    failing = _for_failures(failure_seconds, search_seconds)
    plan = replace(
        plan,
        search_seconds=search_seconds,
        after_seconds=after,
        ordeals=ORDEALS if scenario_names is None or failure_seconds else (),
        failure_seconds=failing,
    )
    if validate is not None:
        plan = replace(plan, validation=validation_of(validate))
    load = Workload(seconds=load_seconds, warmup=0.5, seed=seed) if load_seconds else None
    proof = _carry_out(plan, choices[0], load)
    for choice in choices[1:]:
        # What there is so far is written first: the next set may be interrupted.
        reports.write_all(reports.assess(proof), plan.out)
        beside = _beside(replace(plan, out=plan.out / choice.slug), choice)
        proof = msgspec.structs.replace(proof, beside=(*proof.beside, beside))
    return _tell(proof, plan.out)


def _for_failures(asked: float | None, search_seconds: float | None) -> float:
    """Seconds for searching under failures."""
    if asked is not None:
        return asked
    return FAILURE_S if search_seconds is None else min(FAILURE_S, search_seconds / 4)


def _beside(plan: ProofPlan, choice: Choice) -> Beside:
    """The same with another set of backends, in a folder of its own; or why it is not to be had."""
    try:
        proof = _carry_out(plan, choice, None)
    except Unavailable as error:
        return Beside(name=choice.label, missing=str(error))
    reports.write_all(reports.assess(proof), plan.out)
    return Beside(name=choice.label, folder=plan.out.name, proof=proof)


def run_command(
    name: Annotated[
        str, typer.Argument(help="The scenario (see: paidonce list).", metavar="SCENARIO")
    ],
    guard: options.OneGuard = "none",
    attempts: Annotated[
        int | None, typer.Option(help="How many clients race, where all of them do the same.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="How often it is played.", min=1, max=1000)] = 1,
    seed: options.Seed = 0,
    out: options.Out = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Play one scenario against one guard, and say what the checkers found.

    Exit code 0 if the history is valid, 1 if not, 3 if that could not be decided: unlike
    [bold]prove[/bold], it does not matter what was declared.
    """
    variant = TARGET.variant(guard)
    story = scenario(name)
    if attempts is not None:
        story = story.with_attempts(attempts)
    plan = _plan(TARGET, (variant,), (story,), options.folder(out), seed, rounds, 1)
    proof = _carry_out(plan, options.backends(backends, postgres, redis, stripe), None)
    assessed = reports.assess(proof)
    console = Console()
    for cell in proof.cells:
        for run in cell.runs:
            console.print(terminal.render_verdicts(run))
        if cell.error or cell.skipped:
            console.print(terminal.render_headline(assessed))
            return Status.UNKNOWN.exit_code
    reports.write_all(assessed, plan.out)
    console.print(f"report: {plan.out / 'report.html'}", highlight=False)
    return proof.cells[0].status.exit_code


def _plan(
    target: Target,
    variants: tuple[Variant, ...],
    scenarios: tuple[Scenario, ...],
    out: Path,
    seed: int,
    rounds: int | None,
    jobs: int,
) -> ProofPlan:
    command = command_line()
    return ProofPlan(target, variants, scenarios, out, seed, rounds, jobs, command)


def _carry_out(plan: ProofPlan, choice: Choice, load: Workload | None) -> Proof:
    """Play the plan with progress shown; an interruption still leaves the reports so far."""
    findings = Findings(plan)

    def proof() -> Proof:
        return msgspec.structs.replace(findings.proof(), stack=choice.label)

    try:
        with bar() as progress:
            loop.run(_play(choice, findings, load, progress))
    except KeyboardInterrupt:
        findings.interrupted = True
        reports.write_all(reports.assess(proof()), plan.out)
        raise
    return proof()


async def _play(
    choice: Choice, findings: Findings, load: Workload | None, progress: Progress
) -> None:
    plan = findings.plan
    each = len(plan.scenarios) + len(plan.searched) + (load is not None)
    each += len(plan.ordeals) if plan.failure_seconds else 0
    total = len(plan.variants) * each
    task = progress.add_task("starting Postgres, Redis and Stripe", total=total)

    def on_cell(cell: Cell) -> None:
        doing = "play" if cell.search is None else "search"
        progress.update(task, advance=1, description=f"{doing} {cell.variant} × {cell.scenario}")

    findings.on_cell = on_cell
    async with open_stack(
        Described(plan.target), choice, logs=plan.out / "logs", lanes=plan.lanes
    ) as stack:
        await prove(stack, findings)
        if plan.ordeals and plan.failure_seconds:
            await _under_failures(stack, findings, progress, task)
        if load is not None:
            await load_all(stack, (load,), findings, progress, task)


async def _under_failures(
    stack: Stack, findings: Findings, progress: Progress, task: TaskID
) -> None:
    plan = findings.plan

    def on_cell(cell: Survival) -> None:
        progress.update(task, advance=1, description=f"fail {cell.variant} × {cell.adversity}")

    await SurvivalSearch(
        variants=plan.variants,
        ordeals=plan.ordeals,
        out=plan.out,
        seconds=plan.failure_seconds,
        lanes=plan.lanes,
        on_cell=on_cell,
        found=findings.survivals,
    ).run(stack)


def _tell(proof: Proof, out: Path) -> int:
    assessed = reports.assess(proof)
    written = reports.write_all(assessed, out)
    console = Console()
    console.print(terminal.render_matrix(assessed, console.width))
    if assessed.proof.survivals:
        console.print(terminal.render_survivals(assessed.proof))
    compared = terminal.render_backends(assessed)
    if compared is not None:
        console.print(compared)
    console.print(terminal.render_headline(assessed))
    for path in written.values():
        console.print(f"  {path}", highlight=False, soft_wrap=True)
    return assessed.exit_status
