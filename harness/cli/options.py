"""Command-line options that several commands share."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from harness.errors import UsageError
from harness.stack import Choice

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
Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario", "-s", help="Only this scenario; may be given more than once.", metavar="NAME"
    ),
]
Rounds = Annotated[
    int | None,
    typer.Option(
        help="How often each scenario is played (default: what the scenario says).",
        min=1,
        max=1000,
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
        "[default: paidonce-report/<time>, with paidonce-report/latest pointing to it]",
        show_default=False,
    ),
]
Postgres = Annotated[
    str, typer.Option(help="embedded, container, or a postgresql:// URL.", metavar="BACKEND")
]
Redis = Annotated[
    str, typer.Option(help="embedded, container, or a redis:// URL.", metavar="BACKEND")
]
Stripe = Annotated[
    str,
    typer.Option(
        help="simulator, stripe-mock, stripe-mock-container, or an http(s):// URL.",
        metavar="BACKEND",
    ),
]


def backends(postgres: str, redis: str, stripe: str) -> Choice:
    """The three backend options as one choice."""
    return Choice(postgres=postgres, redis=redis, stripe=stripe)


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
