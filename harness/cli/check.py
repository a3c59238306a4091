"""``paidonce check``: check a target, or judge recorded histories again, offline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from paidonce.harness.checkers import judge
from paidonce.harness.cli import gating, options, target_check
from paidonce.harness.errors import UsageError
from paidonce.harness.history import History, read_history
from paidonce.harness.load.record.joining import histories_in, join, parts_among
from paidonce.harness.results.baseline import DEFAULT_NAME
from paidonce.harness.results.proof import Run
from paidonce.harness.verdict import merge
from paidonce.reports.formats import terminal


def check_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A target file (.toml), or history files (.jsonl) and folders of them.",
            metavar="TARGET|HISTORY",
            show_default=False,
        ),
    ],
    variant: Annotated[
        str | None,
        typer.Option(
            help="Of a target: check only this variant, and expect it to hold. "
            "\\[default: every variant, each against what the file claims of it]",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="Of a target: how long checking may take, once it is built and migrated. "
            "\\[default: what the file says, else 2m]",
            show_default=False,
        ),
    ] = None,
    attempts: Annotated[
        int | None,
        typer.Option(
            help="Of a target: how many attempts come at once, instead of the file's count."
        ),
    ] = None,
    allow_incomplete: Annotated[
        bool,
        typer.Option(
            "--allow-incomplete",
            help="Of a target: exit code 0 also where nothing was found in a search that was not "
            "completed.",
        ),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="Of a target: findings that are accepted for a time; see docs/ci.md.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    write_baseline: Annotated[
        bool,
        typer.Option(
            "--write-baseline",
            help=f"Of a target: add what is found to the baseline ({DEFAULT_NAME}, unless "
            "--baseline names another).",
        ),
    ] = False,
    faults: Annotated[
        int | None,
        typer.Option(
            help="Of a target: the most failures in one execution: lost answers, errors, crashes "
            "of the service, at every step where they can happen. \\[default: 0, but one attempt "
            "alone is tried with a crash or a lost answer, which is reported and does not count; "
            "with --faults 0 that is left out too]",
            metavar="N",
            min=0,
            max=3,
            show_default=False,
        ),
    ] = None,
    validate: options.Validate = None,
    seed: options.Seed = 0,
    fresh: options.Fresh = False,
    jobs: options.Jobs = os.cpu_count() or 2,
    out: options.Out = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
    checkers: Annotated[
        list[str] | None,
        typer.Option(
            "--checker",
            "-c",
            help="Of histories: only this checker; may be given more than once.",
            metavar="NAME",
        ),
    ] = None,
) -> int:
    """Check a service that a target file describes; or judge recorded histories again.

    A target is tried out with one attempt alone (is all that it sends seen, and the reset
    complete?), explored in every interleaving that differs, and played in bursts. Exit code: 0 if
    every variant is as claimed, 1 if one is not, 2 if the set-up is wrong, 3 if it could not be
    decided.

    Histories are judged without running anything, by the checkers they name; those of several
    Locust processes of one run are put together and judged as one. Exit code: 0 if
    every history is valid, 1 if one is not, 3 if one could not be decided.
    """
    targets = [path for path in files if path.suffix == ".toml"]
    if not targets:
        for flag, given in (
            ("--variant", variant),
            ("--attempts", attempts),
            ("--out", out),
            ("--baseline", baseline),
            ("--validate", validate),
            ("--faults", faults),
            ("--fresh", fresh or None),
        ):
            if given is not None:
                raise UsageError(f"{flag} is for a target (a file named .toml), not for histories")
        return _judge(files, checkers)
    if len(files) > 1:
        raise UsageError("expected one target file, or history files, at a time")
    if checkers:
        raise UsageError("--checker is for histories; a target file says itself what must hold")
    choice = options.backends(backends, postgres, redis, stripe)
    # What is wrong with the file or a flag is said before a folder is made.
    plan = target_check.plan_of(
        targets[0], variant, time, attempts, Path(), seed, jobs, validate, faults
    )
    gate = gating.gate_of(plan.script.loaded, baseline, writing=write_baseline)
    plan = target_check.into(plan, options.folder(out))
    kept = options.kept(choice, fresh=fresh)
    return target_check.check_target(plan, choice, gate, kept, allow_incomplete=allow_incomplete)


def _judge(histories: list[Path], checkers: list[str] | None) -> int:
    console = Console()
    statuses = []
    for name, history in _read(histories):
        verdicts = judge(history, tuple(checkers) if checkers else None)
        status = merge(verdict.status for verdict in verdicts)
        run = Run(history=name, status=status, verdicts=verdicts, seconds=0.0)
        console.print(terminal.render_verdicts(run))
        statuses.append(status)
    return merge(statuses).exit_code


def _read(given: list[Path]) -> Iterator[tuple[str, History]]:
    """Every history, by its name; what the processes of one load run left is one history."""
    files = histories_in(given)
    parts = parts_among(files)
    for path in files:
        if path not in parts:
            yield str(path), read_history(path)
    if parts:
        for run in join(parts):
            first = run.parts[0].name
            more = len(run.parts) - 1
            yield (f"{first} and {more} more" if more else first), run.history
