"""What a command is to play: a scenario on the reference service, or the attempts of a target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.errors import UsageError
from harness.explore.regression import scenario_of
from harness.explore.witness import Witness
from harness.performing import Script
from harness.subject import Source, Subject
from harness.target import Target
from harness.targets import load_target
from harness.targets.finding import find_source
from harness.targets.script import script_of
from harness.targets.subject import TargetSubject
from scenarios.catalog import scenario
from scenarios.reference import TARGET


@dataclass(frozen=True)
class Playable:
    """A service and what is played on it. ``variant`` is the one that was asked for."""

    subject: Target | Subject
    script: Script
    variant: str


def of_target(path: Path, variant: str) -> Playable:
    """The attempts of a target file. Raises ``UsageError``."""
    loaded = load_target(path)
    subject = TargetSubject(loaded)
    return Playable(subject, script_of(loaded), subject.variant(variant).name)


def of_witness(witness: Witness, path: Path, variant: str | None = None) -> Playable:
    """What the witness in ``path`` was made of.

    Says on standard error when the target file has changed since. Raises ``UsageError``.
    """
    chosen = variant or witness.variant
    if witness.described_in is None:
        TARGET.variant(chosen)
        return Playable(TARGET, scenario_of(witness, TARGET, scenario(witness.scenario)), chosen)
    playable = of_target(find_source(witness.described_in, path), chosen)
    _say_if_changed(witness.described_in, playable)
    script = scenario_of(witness, playable.subject, playable.script)
    return Playable(playable.subject, script, playable.variant)


def _say_if_changed(source: Source, playable: Playable) -> None:
    assert isinstance(playable.subject, TargetSubject)
    loaded = playable.subject.loaded
    if loaded.digest != source.sha256:
        Console(stderr=True).print(
            f"note: {loaded.path} has changed since the witness was made", markup=False
        )


def is_target(name: str) -> bool:
    """Whether a command's argument means a target file. Raises ``UsageError`` for a folder."""
    if Path(name).is_dir():
        raise UsageError(f"{name} is a folder; name the target file in it")
    return name.endswith(".toml")
