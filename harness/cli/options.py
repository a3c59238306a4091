"""Command-line options that several commands share."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from paidonce.harness.backends.choice import PRESETS, Choice, choice_of
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.errors import Unavailable, UsageError

REPORTS = Path("paidonce-report")

Guards = Annotated[
    list[str] | None,
    typer.Option(
        "--guard", "-g", help="Only this guard; may be given more than once.", metavar="NAME"
    ),
]
OneGuard = Annotated[
    str, typer.Option("--guard", "-g", help="The guard the service runs with.", metavar="NAME")
]
GuardOrVariant = Annotated[
    str | None,
    typer.Option(
        "--guard",
        "-g",
        "--variant",
        help="The guard the service runs with, or the target's variant. \\[default: none; of a "
        "target, the first in its file]",
        metavar="NAME",
        show_default=False,
    ),
]
OtherVariant = Annotated[
    str | None,
    typer.Option(
        "--guard",
        "-g",
        "--variant",
        help="Another guard or variant than the witness names.",
        metavar="NAME",
    ),
]
WitnessFile = Annotated[Path, typer.Argument(help="A witness file.", metavar="WITNESS")]
ScenarioOrTarget = Annotated[
    str,
    typer.Argument(
        help="The scenario (see: paidonce list), or a target file (.toml).",
        metavar="SCENARIO|TARGET",
    ),
]
Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario", "-s", help="Only this scenario; may be given more than once.", metavar="NAME"
    ),
]
Rounds = Annotated[
    int | None,
    typer.Option(
        help="How often each scenario is played. \\[default: what the scenario says]",
        min=1,
        max=1000,
        show_default=False,
    ),
]
Validate = Annotated[
    str | None,
    typer.Option(
        help="What may be spent on trying what a complete search relied on: a time (30s, 2m), a "
        "number of executions, or off. \\[default: as much time as the search took]",
        metavar="TIME|N|off",
        show_default=False,
    ),
]
Faults = Annotated[
    int,
    typer.Option(
        help="The most failures in one execution: lost answers, errors, crashes of the service, at "
        "every step where they can happen.",
        metavar="N",
        min=0,
        max=3,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed, written into every history.", min=0)]
Jobs = Annotated[
    int, typer.Option("--jobs", "-j", help="How many services run side by side.", min=1, max=64)
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for reports and histories; must be new or empty. "
        "\\[default: paidonce-report/<time>, with paidonce-report/latest pointing to it]",
        show_default=False,
    ),
]
Postgres = Annotated[
    str | None,
    typer.Option(
        help="embedded, container, or a postgresql:// URL. \\[default: embedded]",
        metavar="BACKEND",
        show_default=False,
    ),
]
Redis = Annotated[
    str | None,
    typer.Option(
        help="embedded, container, or a redis:// URL. \\[default: embedded]",
        metavar="BACKEND",
        show_default=False,
    ),
]
Stripe = Annotated[
    str | None,
    typer.Option(
        help="simulator, stripe-mock, stripe-mock-container, localstripe, or an http(s):// URL. "
        "\\[default: simulator]",
        metavar="BACKEND",
        show_default=False,
    ),
]
Attempts = Annotated[
    int | None, typer.Option(help="How many clients, where all of them do the same.")
]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh",
        help="Of a target: migrate its database again, whatever is kept of an earlier run.",
    ),
]
Backends = Annotated[
    str | None,
    typer.Option(
        help=f"All three at once: {', '.join(PRESETS)}; or role=backend, joined by commas. "
        "\\[default: embedded]",
        metavar="SET",
        show_default=False,
    ),
]
ManyBackends = Annotated[
    list[str] | None,
    typer.Option(
        "--backends",
        help=f"All three at once: {', '.join(PRESETS)}; or role=backend, joined by commas. Given "
        "more than once, all of it is proved with each, and compared. \\[default: embedded]",
        metavar="SET",
        show_default=False,
    ),
]


def kept(choice: Choice, *, fresh: bool) -> KeptDatabases | None:
    """Return where migrated databases are kept; None where they cannot be, or are not ours."""
    if choice.postgres != "embedded":
        return None
    try:
        return KeptDatabases(fresh=fresh)
    except Unavailable as error:
        Console(stderr=True).print(f"note: no database is kept: {error}", markup=False)
        return None


def backends(
    chosen: str | None, postgres: str | None, redis: str | None, stripe: str | None
) -> Choice:
    """The backend options as one choice. Raises ``UsageError``."""
    return choice_of(chosen, postgres=postgres, redis=redis, stripe=stripe)


def folder(wanted: Path | None) -> Path:
    """The folder to write to, made if need be.

    Without a wish it is a new one below ``paidonce-report``. Raises ``UsageError`` when it holds
    something already (recorded histories are never overwritten) or cannot be made.
    """
    chosen = wanted if wanted is not None else REPORTS / _stamp()
    try:
        chosen.mkdir(parents=True, exist_ok=True)
        occupied = next(chosen.iterdir(), None)
    except OSError as error:
        raise UsageError(f"--out {chosen}: cannot be used as a folder: {error.strerror}") from error
    if occupied is not None:
        raise UsageError(
            f"--out {chosen}: holds {occupied.name} already; name a new or empty folder"
        )
    if wanted is None:
        _point_latest_to(chosen)
    return chosen


def _stamp() -> str:
    return datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")[:-3]


def _point_latest_to(chosen: Path) -> None:
    latest = REPORTS / "latest"
    if latest.is_symlink() or not latest.exists():
        latest.unlink(missing_ok=True)
        latest.symlink_to(chosen.name, target_is_directory=True)
