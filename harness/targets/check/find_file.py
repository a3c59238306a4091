"""Finds the target file that a witness was made with."""

from __future__ import annotations

from pathlib import Path

from paidonce.harness.errors import UsageError
from paidonce.harness.testbed.bench import Source


def find_source(source: Source, witness: Path) -> Path:
    """The target file: from here, or from any folder above the witness.

    Raises ``UsageError`` where it is nowhere.
    """
    wanted = Path(source.path)
    if wanted.is_absolute():
        tried = [wanted]
    else:
        above = witness.resolve().parents
        tried = [wanted, *(folder / wanted for folder in above)]
    for path in tried:
        if path.is_file():
            return path
    raise UsageError(
        f"{witness} is of the target described in {source.path}, which is neither here nor in a "
        "folder above the witness; run this where it is"
    )
