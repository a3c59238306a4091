"""Reads what a trial has written: what is said in it that is not so, and what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.history import read_history
from paidonce.harness.results.proof import Proof
from paidonce.harness.verdict import Status
from paidonce.reports.formats.store import load

_SOUND = ("row_lock", "locked")
_BROKEN = ("none", "racy")


def untrue(proof: Proof) -> Iterator[str]:
    """Return what results say of the services of ``COMMANDS`` that is not so."""
    for cell in proof.cells:
        if cell.variant in _SOUND and cell.status is Status.INVALID:
            yield f"{cell.variant} is told to be broken"
        if cell.variant in _BROKEN and cell.proved:
            yield f"{cell.variant} is told to be proved"


def unreadable(out: Path) -> Iterator[str]:
    for path in sorted(one for one in out.rglob("*") if one.is_file()):
        try:
            if path.name == "results.json":
                load(path)
            elif path.name.endswith(".witness.json"):
                read_witness(path)
            elif path.suffix in (".json", ".sarif"):
                json.loads(path.read_bytes())
            elif path.suffix == ".jsonl" and path.stat().st_size:
                read_history(path)
            elif path.suffix == ".html" and not path.read_text().rstrip().endswith("</html>"):
                yield f"{path.name} has no end"
            elif path.suffix in (".part", ".tmp"):
                yield f"{path.name} was left half written"
        except (PaidonceError, ValueError, OSError) as error:
            yield f"{path.name}: {str(error)[:200]}"
