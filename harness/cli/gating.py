"""The files that ``paidonce check`` leaves for a CI system: annotations, summary, comment,
SARIF."""

from __future__ import annotations

import datetime
import functools
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from paidonce.harness.checkers import target_tables
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.witness.export.sequence import mermaid
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.explore.witness.narrative import history_of, narrate
from paidonce.harness.results import Baseline, Finding, Level, read_baseline, write_baseline
from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.baseline import DEFAULT_NAME
from paidonce.harness.results.findings import ANY, DECLARED, known_ids
from paidonce.harness.results.words import count
from paidonce.harness.targets import Loaded
from paidonce.reports.formats.ci import annotation, comment, line_of, sarif
from paidonce.reports.formats.store import write_file

_SUMMARY_LIMIT = 1024 * 1024
"""Bytes a step summary may have (GitHub's own limit); a longer one is not shown at all."""
_STYLES = {
    Level.ERROR: ("broken", "bold red"),
    Level.WARNING: ("not decided", "yellow"),
    Level.ACCEPTED: ("accepted", "yellow"),
}


@dataclass(frozen=True)
class Gate:
    """The terms by which a check of ``loaded`` is judged: by which baseline, and whether that is
    written anew."""

    loaded: Loaded
    baseline: Baseline
    path: Path | None = None
    writing: bool = False

    @property
    def invariants(self) -> dict[str, str]:
        """The target's conditions by name."""
        return {invariant.name: invariant.condition for invariant in self.loaded.file.invariants}

    def notes(self, assessed: Assessment) -> list[str]:
        """Entries of the baseline that nobody needs any more."""
        findings, proof = assessed.findings, assessed.proof
        seen = {finding.id for finding in findings} | {
            f"{finding.variant}/{ANY}" for finding in findings
        }
        proved = {
            identity
            for cell in proof.cells
            if cell.proved
            for identity in known_ids((cell.variant,), _rules(self.loaded))
        }
        return [
            f"{self.path}: {entry.finding!r} is not found any more, by a complete search: remove it"
            for entry in self.baseline.accepted
            if entry.finding in proved - seen
        ]


def gate_of(loaded: Loaded, path: Path | None, *, writing: bool) -> Gate:
    """The gate for a target. Raises ``UsageError`` naming what in the baseline is wrong."""
    if path is None and not writing:
        return Gate(loaded, Baseline(target=loaded.file.name))
    path = path or Path(DEFAULT_NAME)
    known = known_ids(tuple(loaded.variants), _rules(loaded))
    today = datetime.datetime.now(datetime.UTC).date()
    baseline = read_baseline(path, loaded.file.name, known, today, writing=writing)
    return Gate(loaded, baseline, path, writing)


def _rules(loaded: Loaded) -> tuple[str, ...]:
    """Name all that can break in a variant of the target."""
    return (*(invariant.name for invariant in loaded.file.invariants), *target_tables())


def publish(
    gate: Gate,
    assessed: Assessment,
    out: Path,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, Path]:
    """Write ``comment.md`` and ``paidonce.sarif`` to ``out``; tell GitHub where it runs there.

    Returns what was written. Raises ``UsageError`` where a file cannot be written.
    """
    text = gate.loaded.path.read_text()
    line = functools.partial(line_of, text=text)
    file = _from_root(gate.loaded.path, environ)
    findings = assessed.findings
    told = comment(
        assessed,
        replay=lambda one: _replay(one, out, environ),
        diagrams=_diagrams(findings, out),
        notes=gate.notes(assessed),
    )
    written = {"comment": out / "comment.md", "sarif": out / "paidonce.sarif"}
    write_file(written["comment"], told.encode("utf-8", "replace"))
    log = sarif(
        assessed,
        target=gate.loaded.file.name,
        file=file,
        line=line,
        invariants=gate.invariants,
        replay=lambda one: _replay(one, out, environ),
    )
    write_file(written["sarif"], log)
    if environ.get("GITHUB_ACTIONS") == "true":
        for finding in findings:
            print(annotation(finding, file, line(finding), _replay(finding, out, environ)))
    if environ.get("GITHUB_STEP_SUMMARY"):
        _append(Path(environ["GITHUB_STEP_SUMMARY"]), told)
    return written


def tell_findings(gate: Gate, assessed: Assessment) -> None:
    """Print every finding on a line, with the name a baseline knows it by."""
    console = Console(highlight=False, soft_wrap=True)
    failed = {cell.variant for cell in assessed.proof.cells if cell.error is not None}
    for finding in assessed.findings:
        if finding.what == "undecided" and finding.variant in failed:
            continue  # its error is told above, at length
        word, style = _STYLES[finding.level]
        console.print(f"[{style}]{word}[/]: ", end="")
        said = f"{finding.id}: {finding.why}" + (
            f"; {finding.accepted}" if finding.accepted else ""
        )
        console.print(said, markup=False)
    for note in gate.notes(assessed):
        console.print(f"note: {note}", markup=False)


def rewrite(gate: Gate, found: Sequence[Finding]) -> int:
    """Write the baseline anew; returns how many findings are new in it. Raises ``UsageError``."""
    assert gate.path is not None
    today = datetime.datetime.now(datetime.UTC).date()
    new = write_baseline(gate.path, gate.baseline, found, today)
    console = Console(highlight=False, soft_wrap=True)
    told = f"{count(new, 'new finding')} written to {gate.path}; give each its reason there"
    console.print(told, markup=False)
    return new


def written_anew(gate: Gate, found: Sequence[Finding]) -> dict[str, str]:
    """Return what the baseline that was written anew accepts, and why."""
    new = {
        finding.id: "written to the baseline"
        for finding in found
        if finding.level is Level.ERROR and finding.what != DECLARED
    }
    return new | gate.baseline.words


def _diagrams(found: Sequence[Finding], out: Path) -> dict[str, str]:
    drawn: dict[str, str] = {}
    for finding in found:
        if finding.witness is None or finding.witness in drawn:
            continue
        path = out / finding.witness
        try:
            witness = read_witness(path)
            drawn[finding.witness] = mermaid(narrate(witness, history_of(witness, path)))
        except UsageError:
            continue  # the finding is told all the same, just without its picture
    return drawn


def _replay(one: Finding, out: Path, environ: Mapping[str, str]) -> str | None:
    if one.witness is None:
        return None
    return shlex.join(["paidonce", "replay", _from_root(out / one.witness, environ)])


def _from_root(path: Path, environ: Mapping[str, str]) -> str:
    """The path as the repository has it: below what the CI system checked out, or from here."""
    path = path.resolve()
    roots = [environ.get("GITHUB_WORKSPACE"), environ.get("CI_PROJECT_DIR"), str(Path.cwd())]
    for root in roots:
        if root and path.is_relative_to(Path(root).resolve()):
            return path.relative_to(Path(root).resolve()).as_posix()
    return path.as_posix()


def _append(path: Path, text: str) -> None:
    try:
        there = path.stat().st_size if path.exists() else 0
        if there + len(text.encode()) <= _SUMMARY_LIMIT:
            with path.open("a") as file:
                file.write(text + "\n")
    except OSError as error:
        raise UsageError(
            f"GITHUB_STEP_SUMMARY={path}: cannot be written: {error.strerror}"
        ) from None
