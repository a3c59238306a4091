"""``results.json``: the proof itself, from which every other report can be made again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from paidonce.harness.bounded import decode_json, encode_json, read_file
from paidonce.harness.errors import UsageError
from paidonce.harness.results import format1
from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.proof import RESULTS_FORMAT, Proof
from paidonce.reports.formats.report_format import ReportFormat

RESULTS_NAME = "results.json"

_decoder = msgspec.json.Decoder(Proof)


class _Format(msgspec.Struct):
    format: int


def encode(proof: Proof) -> bytes:
    """The proof as indented JSON with a final newline."""
    return msgspec.json.format(encode_json(proof), indent=1) + b"\n"


def load(place: Path) -> Proof:
    """The proof in ``place``: a results.json file, or the folder that holds one.

    Raises ``UsageError`` naming the file and what was expected of it.
    """
    path = place / RESULTS_NAME if place.is_dir() else place
    try:
        data = read_file(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"results file {path} cannot be read: {reason}; give a {RESULTS_NAME} "
            "or the folder that holds one"
        ) from error
    try:
        version = decode_json(data, _Format).format
        if version == format1.FORMAT:
            return msgspec.convert(format1.read(data, path.parent), Proof)
        if version != RESULTS_FORMAT:
            raise UsageError(
                f"{path} has results format {version}; this version reads formats "
                f"{format1.FORMAT} and {RESULTS_FORMAT}"
            )
        return decode_json(data, Proof)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} is not a paidonce {RESULTS_NAME}: {error}") from error


def page_beside(witness: Path) -> Path:
    """``none-two_tabs.witness.json`` has its page at ``none-two_tabs.html``."""
    return witness.with_name(witness.name.removesuffix(".json").removesuffix(".witness") + ".html")


def write_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step, so that no reader ever meets half a report.

    Raises ``UsageError`` when the folder cannot be made or written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"report {path} cannot be written: {reason}") from error


def _make(assessed: Assessment, _folder: Path) -> bytes:
    return encode(assessed.proof)


FORMAT = ReportFormat(
    name="json",
    file=RESULTS_NAME,
    make=_make,
)
