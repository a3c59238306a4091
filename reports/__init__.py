"""Reports of a proof, for people and for machines: one writer for each format.

``write_all`` puts every report of a proof into a folder, ``load`` reads the proof back from it.

Imports results and what they are made of, and nothing that runs a service. The command line uses
the names below, and the writers in ``formats``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.predict import Decided, Looked
from paidonce.harness.results.assessment import Assessment, assess
from paidonce.harness.results.fix_costs import FixCosts
from paidonce.harness.results.problem import Problem, Weight
from paidonce.harness.results.proof import Proof
from paidonce.harness.results.standing import Standing
from paidonce.reports.formats import FORMATS, fix_costs, predictions
from paidonce.reports.formats.explored import write_search_page, write_witness_page
from paidonce.reports.formats.picture import write_picture
from paidonce.reports.formats.store import load, write_file

__all__ = [
    "Assessment",
    "Problem",
    "Proof",
    "Standing",
    "Weight",
    "assess",
    "load",
    "write_all",
    "write_fix_costs",
    "write_picture",
    "write_predictions",
    "write_search_page",
    "write_witness_page",
]


def write_all(assessed: Assessment, folder: Path) -> dict[str, Path]:
    """Write ``results.json``, ``report.html``, ``summary.md`` and ``junit.xml`` to ``folder``.

    With load there is ``load.csv`` as well, a row for each measurement. Each witness gets a page
    beside it. ``folder`` is also where the histories and witnesses the proof names are read from;
    one that is not there costs only its picture. The results come first, so that they are safe
    whatever happens to the rest. Returns the path of each by the name of its format.
    Raises ``UsageError`` when a file cannot be written.
    """
    paths: dict[str, Path] = {}
    _write(assessed, folder, paths, links=False)
    for search in assessed.proof.searches:
        if search.witness is not None:
            with contextlib.suppress(UsageError):
                write_witness_page(folder / search.witness, search)
    _write(assessed, folder, paths, links=True)
    return {name: paths[name] for name in FORMATS if name in paths}


def _write(assessed: Assessment, folder: Path, paths: dict[str, Path], *, links: bool) -> None:
    """Write the formats that link to pages of witnesses, or those that do not; note the paths."""
    for name, written in FORMATS.items():
        if written.links is not links:
            continue
        data = written.make(assessed, folder)
        if data is not None:
            paths[name] = folder / written.file
            write_file(paths[name], data)


def write_predictions(found: Sequence[Decided], looked: Looked, folder: Path) -> None:
    """Write ``predictions.md``, ``predictions.json`` and, what they are from, ``looked.json`` to
    ``folder``. Raises ``UsageError``."""
    text = predictions.markdown(found, looked)
    write_file(folder / "predictions.md", text.encode("utf-8", "replace"))
    seen = msgspec.json.format(msgspec.json.encode(looked), indent=2)
    write_file(folder / "looked.json", seen + b"\n")
    data = msgspec.json.format(msgspec.json.encode(found), indent=2)
    write_file(folder / "predictions.json", data + b"\n")


def write_fix_costs(costs: FixCosts, folder: Path) -> tuple[Path, ...]:
    """Write ``costs.json``, ``report.html``, ``costs.svg`` and ``summary.md`` to ``folder``.

    Returns their paths. Raises ``UsageError``.
    """
    data = msgspec.json.format(msgspec.json.encode(costs), indent=2) + b"\n"
    files = {
        "costs.json": data,
        "report.html": fix_costs.page(costs).encode("utf-8", "replace"),
        "costs.svg": fix_costs.drawing([costs]).encode("utf-8", "replace"),
        "summary.md": fix_costs.markdown(costs).encode("utf-8", "replace"),
    }
    for name, content in files.items():
        write_file(folder / name, content)
    return tuple(folder / name for name in files)
