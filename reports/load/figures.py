"""The figures of load runs as a table for analysts: one row a measurement, or one an operation.

Pure but for the histories that operations are read from. Names of columns carry their unit (``_ms``
milliseconds, ``_s`` seconds); rates are a second; a figure that is not known is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.history import Operation, Outcome, read_history
from paidonce.harness.load.record.joining import MEASURED_FROM, MEASURED_TO
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof

Value = str | int | float | bool | None
Row = dict[str, Value]

OPERATION: dict[str, type] = {
    "guard": str,
    "pattern": str,
    "stripe_latency_ms": str,
    "rate": float,
    "users": int,
    "round": int,
    "op": int,
    "client": str,
    "action": str,
    "order": str,
    "key": str,
    "start_s": float,
    "late_ms": float,
    "latency_ms": float,
    "outcome": str,
    "status": int,
    "code": str,
    "replayed": bool,
    "retries": int,
    "error": str,
    "measured": bool,
}
"""The columns of one operation. ``start_s`` counts from the beginning of the run's history;
``latency_ms`` counts from when it was to begin, and is None where no answer came at all;
``measured`` tells whether it ended in the measured window."""


def measurements(proof: Proof) -> list[Row]:
    """One row for each measurement, all with the same columns, those of the whole run first."""
    machine = proof.machine
    whole: Row = {
        "started": proof.started,
        "command": proof.command,
        "seed": proof.seed,
        "paidonce": machine.paidonce,
        "python": machine.python,
        "system": machine.system,
        "cpus": machine.cpus,
        **machine.backends,
    }
    sound = {variant.name: variant.sound for variant in proof.variants}
    rows = [{**whole, **_measurement(load, sound.get(load.variant))} for load in proof.loads]
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in columns} for row in rows]


_ELSEWHERE = ("variant", "latency", "outcomes", "verdicts", "histogram")
"""Fields of a measurement that have columns of other names, or do not fit into a cell."""


def _measurement(load: Load, sound: bool | None) -> Row:
    row: Row = {"guard": load.variant, "sound": sound, "pattern": load.pattern}
    for name, value in msgspec.structs.asdict(load).items():
        if name not in _ELSEWHERE:
            row.update(_flat(name, msgspec.to_builtins(value)))
    row.update({f"{name}_ms": ms for name, ms in msgspec.structs.asdict(load.latency).items()})
    row.update({outcome.value: load.outcomes.get(outcome.value, 0) for outcome in Outcome})
    row.update(throughput=load.throughput, goodput=load.goodput, conflict_rate=load.conflict_rate)
    row.update({f"verdict_{_slug(v.checker)}": v.status.value for v in load.verdicts})
    return row


def _flat(name: str, value: Any) -> Iterator[tuple[str, Value]]:
    """``value`` by names of its own; what is a list (a time line) does not fit into a cell."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _flat(f"{name}_{_slug(key)}", inside)
    elif value is None or isinstance(value, str | int | float):
        yield name, value


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")


def operations(load: Load, folder: Path) -> Iterator[Row]:
    """One row for each operation of ``load``, in the order in which they began.

    Its history is read from ``folder``. Raises ``UsageError`` when it cannot be read.
    """
    history = read_history(folder / load.history)
    try:
        window = tuple(int(history.header.settings[k]) for k in (MEASURED_FROM, MEASURED_TO))
    except (KeyError, ValueError):
        raise UsageError(
            f"{folder / load.history}: expected a history of load, whose header says which part "
            "of it was measured"
        ) from None
    whole: Row = {
        "guard": load.variant,
        "pattern": load.pattern,
        "stripe_latency_ms": load.conditions.stripe_latency_ms,
        "rate": load.rate,
        "users": load.users,
        "round": load.round,
    }
    for operation in history.operations:
        yield {**whole, **_operation(operation, window[0], window[1])}


def _operation(operation: Operation, start: int, end: int) -> Row:
    begun, done = operation.invoked, operation.completed
    return {
        "op": begun.op,
        "client": begun.attempt,
        "action": begun.action.value,
        "order": begun.order,
        "key": begun.key,
        "start_s": begun.t / 1e9,
        "late_ms": begun.late / 1e6,
        "latency_ms": None if done is None else (done.t - begun.t + begun.late) / 1e6,
        "outcome": operation.outcome.value,
        "status": None if done is None else done.status,
        "code": None if done is None else done.code,
        "replayed": done is not None and done.replayed,
        "retries": None if done is None else done.retries,
        "error": None if done is None else done.error,
        "measured": done is not None and start <= done.t < end,
    }
