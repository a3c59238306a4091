"""What a proof found, written for people and for machines: one writer for each format.

``write_all`` puts every report of a proof into a folder, ``load`` reads the proof back from it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.predict import Decided, Looked
from paidonce.harness.results.assessment import Assessment, assess
from paidonce.harness.results.problems import Problem, Weight
from paidonce.harness.results.proof import Proof
from paidonce.harness.results.standing import Standing
from paidonce.reports.formats import predictions
from paidonce.reports.formats.explored import write_search_page, write_witness_page
from paidonce.reports.formats.html import page
from paidonce.reports.formats.junit import junit
from paidonce.reports.formats.markdown import summary
from paidonce.reports.formats.picture import write_picture
from paidonce.reports.formats.store import RESULTS_NAME, encode, load, write_file
from paidonce.reports.formats.tables import as_csv
from paidonce.reports.load.figures import measurements

__all__ = [
    "Assessment",
    "Problem",
    "Proof",
    "Standing",
    "Weight",
    "assess",
    "load",
    "write_all",
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
    proof = assessed.proof
    paths = {
        "json": folder / RESULTS_NAME,
        "html": folder / "report.html",
        "markdown": folder / "summary.md",
        "junit": folder / "junit.xml",
    }
    write_file(paths["json"], encode(proof))
    write_file(paths["markdown"], summary(assessed).encode("utf-8", "replace"))
    write_file(paths["junit"], junit(assessed))
    if proof.loads:
        paths["csv"] = folder / "load.csv"
        write_file(paths["csv"], as_csv(measurements(proof)))
    for cell in proof.cells:
        if cell.search is not None and cell.search.witness is not None:
            with contextlib.suppress(UsageError):
                write_witness_page(folder / cell.search.witness, cell.search)
    write_file(paths["html"], page(assessed, folder).encode())
    return paths


def write_predictions(found: Sequence[Decided], looked: Looked, folder: Path) -> None:
    """Write ``predictions.md``, ``predictions.json`` and, what they are from, ``looked.json`` to
    ``folder``. Raises ``UsageError``."""
    text = predictions.markdown(found, looked)
    write_file(folder / "predictions.md", text.encode("utf-8", "replace"))
    seen = msgspec.json.format(msgspec.json.encode(looked), indent=2)
    write_file(folder / "looked.json", seen + b"\n")
    data = msgspec.json.format(msgspec.json.encode(found), indent=2)
    write_file(folder / "predictions.json", data + b"\n")
