"""Rows into files that tools for analysis read: CSV by Python itself, Parquet by Apache Arrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.results.assessment import Assessment
from paidonce.reports.formats.report_format import ReportFormat
from paidonce.reports.load.figures import Row, measurements

_AT_ONCE = 20_000
"""Rows of Parquet that are kept in memory until they are written."""
FORMATS = (".csv", ".parquet")


def as_csv(rows: Sequence[Row]) -> bytes:
    """``rows``, which all have the same columns, with a line of their names; UTF-8 (RFC 4180)."""
    text = io.StringIO(newline="")
    write_csv(rows, list(rows[0]) if rows else [], text)
    return text.getvalue().encode("utf-8", "replace")


def write_csv(rows: Iterable[Row], columns: Sequence[str], file: TextIO) -> None:
    """The same, row by row. None is an empty cell, and True is "true"."""
    writer = csv.writer(file)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])


def _cell(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


def write_table(rows: Iterable[Row], columns: dict[str, type] | None, path: Path) -> None:
    """Write ``rows`` to ``path``, which must not exist, in the format its name ends in.

    ``columns`` are their names and types; without, both are found from the rows themselves. Raises
    ``UsageError`` on another ending and on a file that exists or cannot be written, ``Unavailable``
    when Parquet is asked for and Apache Arrow is not installed.
    """
    if path.suffix not in FORMATS:
        raise UsageError(f"--out {path}: expected a name that ends in {' or '.join(FORMATS)}")
    if path.exists():
        raise UsageError(f"--out {path}: exists already; name a new file")
    if columns is None:
        rows = list(rows)
    try:
        if path.suffix == ".csv":
            names = list(columns or (rows[0] if isinstance(rows, list) and rows else ()))
            with path.open("w", encoding="utf-8", newline="") as file:
                write_csv(rows, names, file)
        else:
            _write_parquet(rows, columns, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--out {path}: cannot be written: {reason}") from error


def _write_parquet(rows: Iterable[Row], columns: dict[str, type] | None, path: Path) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise Unavailable(
            "parquet",
            f"Apache Arrow is not installed ({error})",
            "Install it with pip install 'paidonce[analysis]', or write .csv",
        ) from error
    kinds = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
    }
    if columns is None:
        table = pyarrow.Table.from_pylist(rows)
        # A column in which nothing is known holds numbers somewhere else: rates, times, counts.
        fields = [
            field.with_type(kinds[float]) if pyarrow.types.is_null(field.type) else field
            for field in table.schema
        ]
        parquet.write_table(table.cast(pyarrow.schema(fields)), path)
        return
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in _batches(rows):
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _make(assessed: Assessment, _folder: Path) -> bytes | None:
    return as_csv(measurements(assessed.proof)) if assessed.proof.loads else None


FORMAT = ReportFormat(
    name="csv",
    file="load.csv",
    make=_make,
)
