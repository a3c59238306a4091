"""``paidonce export``."""

from __future__ import annotations

import asyncio
import enum
import filecmp
import shutil
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from paidonce.harness.cli import options
from paidonce.harness.cli.playable import of_witness
from paidonce.harness.cli.replaying import opened_again
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.watcher import WatchedWorlds
from paidonce.harness.explore.search.world import Pending, Taken
from paidonce.harness.explore.witness.annotation import Annotator
from paidonce.harness.explore.witness.export import (
    Snapshot,
    isolation_spec,
    mermaid,
    pytest_test,
    statements_of,
    take_snapshot,
    text,
)
from paidonce.harness.explore.witness.file import Witness, broken_of, read_witness, steps_of
from paidonce.harness.explore.witness.lenient_replay import follow
from paidonce.harness.explore.witness.narrative import history_of, narrate
from paidonce.harness.process import event_loop as loop
from paidonce.harness.testbed.stack import Choice
from paidonce.harness.verdict import Status


class Format(enum.StrEnum):
    """The formats in which a counterexample can be written."""

    PYTEST = "pytest"
    ISOLATION = "isolation"
    MERMAID = "mermaid"
    TEXT = "text"


def export_command(
    path: options.WitnessFile,
    format: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            help="pytest: a regression test; isolation: a spec for PostgreSQL's isolationtester; "
            "mermaid: a sequence diagram; text: the same for a terminal.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, which must be new. \\[default: standard output]"),
    ] = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
) -> int:
    """Write a counterexample as a test, a spec or a diagram.

    An isolation spec needs the database as it was before the attempts: the witness is replayed
    once for it, on the backends given. The other formats need the files only.
    """
    witness = read_witness(path)
    if out is not None and out.exists():
        raise UsageError(f"--out {out}: exists already; name a new file")
    match format:
        case Format.PYTEST:
            written = pytest_test(witness, path.name)
        case Format.ISOLATION:
            choice = options.backends(backends, postgres, redis, stripe)
            written = loop.run(_isolation(witness, path, choice))
        case Format.MERMAID:
            written = mermaid(narrate(witness, history_of(witness, path)))
        case Format.TEXT:
            width = Console().width if out is None and sys.stdout.isatty() else 160
            written = text(narrate(witness, history_of(witness, path)), width)
    if out is None:
        sys.stdout.write(written)
        return 0
    if format is Format.PYTEST:
        _lay_beside(path, out)
    _write(written, out)
    return 0


async def _isolation(witness: Witness, path: Path, choice: Choice) -> str:
    """The spec of the execution that a replay makes: its ids are those of the rows found."""
    playable = of_witness(witness, path)
    camera = _Camera(statements_of(narrate(witness, history_of(witness, path))))
    async with opened_again(witness, playable, choice) as worlds:
        steps = [step.expected() for step in witness.steps]
        followed = await follow(WatchedWorlds(worlds, camera), steps)
        world = worlds.last
    assert world is not None
    assert world.judged is not None
    assert camera.snapshot is not None
    if world.judged.came.status is not Status.INVALID:
        raise UsageError(
            f"{path}: the service no longer breaks ({world.judged.came.status.value}; it went "
            f"another way at {followed.departure}); the formats mermaid and text show the "
            "recorded execution"
        )
    again = msgspec.structs.replace(
        witness,
        steps=camera.annotator.added_to(steps_of(followed.taken), world.judged.history),
        broken=broken_of(world.judged.verdicts, world.reader.names),
    )
    return isolation_spec(narrate(again, world.judged.history), camera.snapshot)


class _Camera:
    """A watcher that takes a snapshot of the database before anybody moves, and annotates."""

    def __init__(self, statements: list[str]) -> None:
        self.snapshot: Snapshot | None = None
        self.annotator = Annotator()
        self._statements = statements

    async def began(self, world: ServiceWorld) -> None:
        url = world.bench.postgres_url
        self.snapshot = await asyncio.to_thread(take_snapshot, url, self._statements)
        await self.annotator.began(world)

    async def before(self, pending: tuple[Pending, ...], actor: str) -> None:
        await self.annotator.before(pending, actor)

    async def after(self, taken: Taken) -> None:
        await self.annotator.after(taken)


def _lay_beside(witness: Path, out: Path) -> None:
    """Copy the witness to where the test looks for it, unless it is there already."""
    place = out.with_name(witness.name)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copyfile(witness, place)
        elif not filecmp.cmp(witness, place, shallow=False):
            raise UsageError(f"--out {out}: there is another {place.name} beside it already")
    except OSError as error:
        raise UsageError(f"--out {out}: {place} cannot be written: {error.strerror}") from error


def _write(written: str, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as file:
            file.write(written)
    except FileExistsError:
        raise UsageError(f"--out {out}: exists already; name a new file") from None
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}") from error
