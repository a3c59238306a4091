"""``paidonce check target.toml``: the command's side of checking a target."""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from paidonce import reports
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli import gating
from paidonce.harness.cli.progress import StatusLine
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.validate.spending import validation_of
from paidonce.harness.masking import command_line
from paidonce.harness.process import event_loop as loop
from paidonce.harness.results.proof import Cell
from paidonce.harness.results.searched import How
from paidonce.harness.results.words import count
from paidonce.harness.targets import load_target
from paidonce.harness.targets.check.check import check
from paidonce.harness.targets.check.checked import Checked, CheckPlan
from paidonce.harness.targets.file.format import ExploreTable
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.harness.verdict import Status
from paidonce.reports.formats import predictions, terminal

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """A time as a person writes it: ``90s``, ``2m``, ``1h``. Raises ``UsageError``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match.group(1)) <= 0:
        raise UsageError(f"--time: expected a time like 90s or 2m, got {text!r}")
    return float(match.group(1)) * _UNITS[match.group(2)]


def _bound_by(explore: ExploreTable, time: str | None) -> str:
    """Return what says how long a check takes, in words: the default is named as one."""
    if time is not None:
        return "by --time"
    if explore.check_s != ExploreTable().check_s:
        return "by check_s in [explore]"
    return "by default: --time gives another, or check_s in [explore]"


def plan_of(
    path: Path,
    variant: str | None,
    time: str | None,
    attempts: int | None,
    out: Path,
    seed: int,
    lanes: int,
    validate: str | None = None,
    faults: int | None = None,
) -> CheckPlan:
    """Return the plan of what is to be checked. Raises ``UsageError``."""
    loaded = load_target(path)
    subject, script = TargetSubject(loaded), script_of(loaded)
    if attempts is not None:
        script = script.with_attempts(attempts)
    return CheckPlan(
        subject=subject,
        script=script,
        variants=subject.variants if variant is None else (subject.variant(variant),),
        out=out,
        seconds=loaded.file.explore.check_s if time is None else seconds_of(time),
        bound_by=_bound_by(loaded.file.explore, time),
        seed=seed,
        lanes=lanes,
        validation=validation_of(validate),
        faults=faults,
        expect_sound=variant is not None,
        command=command_line(),
    )


def into(plan: CheckPlan, folder: Path) -> CheckPlan:
    """The same, writing to ``folder``."""
    return replace(plan, out=folder)


def check_target(
    plan: CheckPlan,
    choice: Choice,
    gate: gating.Gate,
    kept: KeptDatabases | None,
    *,
    allow_incomplete: bool,
) -> int:
    """Check it, write the reports, say what came of it; returns the exit code."""
    checked = Checked(plan)
    checked.started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    def assess(accepted: Mapping[str, str]) -> reports.Assessment:
        return reports.assess(
            checked.proof(choice.label),
            accepted,
            unusable=checked.unusable,
            complete=not allow_incomplete,
        )

    try:
        loop.run(_check(checked, choice, kept))
    except KeyboardInterrupt:
        checked.interrupted = True
        assessed = assess(gate.baseline.words)
        reports.write_all(assessed, plan.out)
        gating.publish(gate, assessed, plan.out)
        raise
    assessed = assess(gate.baseline.words)
    proof = assessed.proof
    written = reports.write_all(assessed, plan.out)
    written |= gating.publish(gate, assessed, plan.out)
    console = Console(highlight=False, soft_wrap=True)
    for cell in proof.cells:
        _tell(console, checked, cell)
    for variant, settled in checked.predictions.items():
        folder = plan.out / "predictions" / variant
        reports.write_predictions(settled, checked.looked[variant], folder)
        written[f"predictions of {variant}"] = folder / "predictions.md"
    gating.tell_findings(gate, assessed)
    console.print(terminal.render_headline(assessed))
    for path in written.values():
        console.print(f"  {path}", markup=False)
    if gate.writing:
        gating.rewrite(gate, assessed.findings)
        assessed = assess(gating.written_anew(gate, assessed.findings))
    return assessed.exit_status


async def _check(checked: Checked, choice: Choice, kept: KeptDatabases | None) -> None:
    with StatusLine() as live:
        checked.doing, checked.tell = live.update, live.say
        async with open_stack(
            checked.plan.subject,
            choice,
            logs=checked.plan.out / "logs",
            kept=kept,
            say=live.say,
            lanes=1 if checked.plan.subject.one_at_a_time else checked.plan.lanes,
        ) as stack:
            await check(stack, checked)


def _tell(console: Console, checked: Checked, cell: Cell) -> None:
    search = cell.search
    if search is not None:
        match search.how:
            case How.COMPLETE:
                found = f"[bold green]complete[/]: {escape(search.claimed)}"
            case How.COUNTEREXAMPLE:
                found = f"[bold red]counterexample[/] in execution {search.execution}"
            case _:
                why = escape(f"{search.reason}; covered: {search.coverage}")
                found = f"[bold yellow]not complete[/]: {why}"
        console.print(f"[bold]{cell.variant}[/]: {found}")
        console.print(
            f"  {count(search.executions, 'execution')}, "
            f"{count(search.outcomes, 'different outcome')}, "
            f"{search.seconds:.1f} s; {cell.caught} of {len(cell.runs)} bursts broke"
        )
        for broken in search.broken:
            console.print(f"  {broken.words}", markup=False)
        if search.witness is not None:
            witness = checked.plan.out / search.witness
            told = f"  replay it: paidonce replay {shlex.quote(str(witness))}"
            console.print(told, markup=False)
    for tried in cell.alone:
        console.print(f"  not in the verdict: {tried.words}", markup=False)
        if tried.search.witness is not None:
            witness = checked.plan.out / tried.search.witness
            told = f"    replay it: paidonce replay {shlex.quote(str(witness))}"
            console.print(told, markup=False)
    if cell.error is not None:
        console.print(f"[bold]{cell.variant}[/]: [bold yellow]could not be checked[/]")
        console.print(f"  {cell.error}", markup=False)
    for run in cell.runs:
        if run.status is Status.UNKNOWN:
            reasons = [v.reason for v in run.verdicts if v.status is Status.UNKNOWN]
            console.print(f"  not decided: {run.history}: {reasons[0]}", markup=False)
            break
    if settled := checked.predictions.get(cell.variant):
        console.print(f"\n[bold]{cell.variant}[/], predicted from each attempt alone:")
        console.print(predictions.brief(settled, checked.looked[cell.variant]))
        console.print()
    for note in checked.notes.get(cell.variant, ()):
        console.print(f"  note: {note}", markup=False)
