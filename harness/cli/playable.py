"""The things that a command can play: a scenario on the reference service, or the attempts of a
target."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from paidonce.harness.backends.choice import Choice
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.cli import options
from paidonce.harness.errors import UsageError
from paidonce.harness.explore import shrinking
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import SearchRequest
from paidonce.harness.explore.regression import scenario_of
from paidonce.harness.explore.witness.file import Witness
from paidonce.harness.scenario.subject import Described
from paidonce.harness.service.script import Script
from paidonce.harness.targets import load_target
from paidonce.harness.targets.check.find_file import find_source
from paidonce.harness.targets.check.smoke import smoke
from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.run.script import TargetScript, script_of
from paidonce.harness.targets.run.search_request import request_for
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.bench import Source, Subject
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET


@dataclass(frozen=True)
class Playable:
    """A service and what is played on it. ``variant`` is the one that was asked for."""

    subject: Subject
    script: Script
    variant: str

    @property
    def noun(self) -> str:
        """Return what a variant of it is called."""
        return "guard" if self._file is None else "variant"

    @property
    def request(self) -> SearchRequest:
        """Return what is asked of a search of it, before anybody says more."""
        if isinstance(self.script, TargetScript):
            return request_for(self.script, self.variant)
        return SearchRequest(scenario=self.script, variant=self.variant, shrink=shrinking.BUDGET)

    @property
    def orm(self) -> str | None:
        """Return the ORM that a target file names."""
        return None if self._file is None else self._file.orm

    def lanes(self, wanted: int) -> int:
        """Return how many services there can be: one that runs already, or wants fixed ports, is
        one."""
        alone = isinstance(self.subject, TargetSubject) and self.subject.one_at_a_time
        return 1 if alone else wanted

    def build(self, called_off: threading.Event | None = None) -> None:
        """Build the service, if it has to be. Raises ``ChildFailed`` and ``CalledOff``."""
        if isinstance(self.subject, TargetSubject):
            self.subject.build(called_off)

    async def tried_out(self, worlds: ServiceWorlds, watch_s: float) -> tuple[str, ...]:
        """Return what is to be known of a target before it is searched: nothing is complete of one
        whose attempts do not succeed alone, or that is not seen at its taps.

        Raises ``UsageError`` where that is so.
        """
        if not isinstance(self.script, TargetScript):
            return ()
        if watch_s:
            await worlds.watch(watch_s)
        tried = await smoke(worlds, self.script)
        if tried.problems:
            raise UsageError("; ".join(dict.fromkeys(tried.problems)))
        return tried.notes

    def kept(self, choice: Choice, *, fresh: bool = False) -> KeptDatabases | None:
        """Return where its migrated database is kept; None where it cannot be, or is not ours."""
        if not isinstance(self.subject, TargetSubject):
            return None
        return options.kept(choice, fresh=fresh)

    @property
    def _file(self) -> TargetFile | None:
        return self.subject.loaded.file if isinstance(self.subject, TargetSubject) else None


def named(name: str, variant: str | None, attempts: int | None = None) -> Playable:
    """A scenario by its name, with a guard ("none" without one), or the target file ``name``.

    A target's variant is the first of its file, unless one is named. Raises ``UsageError``.
    """
    if is_target(name):
        loaded = load_target(Path(name))
        target, script = TargetSubject(loaded), script_of(loaded)
        chosen = target.variants[0] if variant is None else target.variant(variant)
        target_script = script if attempts is None else script.with_attempts(attempts)
        return Playable(target, target_script, chosen.name)
    guard = variant or "none"
    TARGET.variant(guard)
    story = scenario(name).in_search
    return Playable(
        Described(TARGET), story if attempts is None else story.with_attempts(attempts), guard
    )


def of_target(path: Path, variant: str) -> Playable:
    """The attempts of a target file. Raises ``UsageError``."""
    loaded = load_target(path)
    subject = TargetSubject(loaded)
    return Playable(subject, script_of(loaded), subject.variant(variant).name)


def of_witness(witness: Witness, path: Path, variant: str | None = None) -> Playable:
    """Return what the witness in ``path`` was made of.

    Says on standard error when the target file has changed since. Raises ``UsageError``.
    """
    chosen = variant or witness.variant
    if witness.described_in is None:
        TARGET.variant(chosen)
        return Playable(
            Described(TARGET), scenario_of(witness, TARGET, scenario(witness.scenario)), chosen
        )
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
    """Return whether a command's argument means a target file. Raises ``UsageError`` for a
    folder."""
    if Path(name).is_dir():
        raise UsageError(f"{name} is a folder; name the target file in it")
    return name.endswith(".toml")
