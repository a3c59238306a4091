"""A format of a whole proof's report, as it is written with the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paidonce.harness.results.assessment import Assessment


@dataclass(frozen=True, kw_only=True)
class ReportFormat:
    """A file that every report has.

    ``make`` returns what is in it, and None where the proof has nothing that belongs there; the
    folder it is given is the one that histories and witnesses are read from. ``links`` tells that
    it links to the pages of witnesses, so that it is written once they are there.
    """

    name: str
    file: str
    make: Callable[[Assessment, Path], bytes | None]
    links: bool = False
