"""Which guard to choose: one row for each, what was proved first, then what it costs. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Cell, Proof, Variant
from paidonce.harness.results.words import count
from paidonce.harness.verdict import Status
from paidonce.reports.load.performance import reference_latency
from paidonce.reports.load.provenance import Provenance, made
from paidonce.reports.load.repeated import Repeated, repeated
from paidonce.reports.words import number, percent


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The table; ``header`` names the columns of ``rows``. ``note`` says what they are of."""

    header: tuple[str, ...]
    rows: tuple[AdviceRow, ...]
    note: str
    made: Provenance


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Under one load: how much was answered, and how quickly."""

    throughput: str
    goodput: str
    latency: tuple[tuple[str, str], ...]
    """Name and milliseconds of each percentile."""

    def __str__(self) -> str:
        latency = ", ".join(f"{name} {ms}" for name, ms in self.latency)
        return f"{self.throughput}/s, {self.goodput} paid/s; {latency} ms"


class AdviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One guard. ``good`` tells whether nothing speaks against it; a figure is None where the guard
    was not measured under that load."""

    guard: str
    title: str
    good: bool
    correct: str
    figures: tuple[Measured | None, ...]
    costs: str
    choose: str


def advice(proof: Proof) -> Advice | None:
    """A row for every guard that was measured; None where none was.

    Where Stripe's latency was varied, the figures are of the one under which most loads were made,
    the first of several; the curves show the others.
    """
    plain = [load for load in proof.loads if load.bound_ms is None]
    if not plain:
        return None
    reference = reference_latency(plain)
    groups = repeated([x for x in plain if x.conditions.stripe_latency_ms == reference])
    measured = [group.load for group in groups]
    kinds = list(dict.fromkeys((load.pattern, load.users, load.rate) for load in measured))
    names = tuple(
        f"{profile}, {users} users" + (f", {number(rate)}/s" if rate else "")
        for profile, users, rate in kinds
    )
    rows = []
    for variant in proof.variants:
        loads = {(x.pattern, x.users, x.rate): x for x in measured if x.variant == variant.name}
        if not loads:
            continue
        cells = [cell for cell in proof.cells if cell.variant == variant.name]
        good, correct = _correct(variant, cells, [x for x in proof.loads if _of(x, variant)])
        rows.append(
            AdviceRow(
                guard=variant.name,
                title=variant.title,
                good=good,
                correct=correct,
                figures=tuple(_figures(loads.get(kind)) for kind in kinds),
                costs=_costs([group for group in groups if group.load.variant == variant.name]),
                choose=variant.choose,
            )
        )
    rows.sort(key=lambda row: not row.good)
    header = ("guard", "correct", *names, "seen under load", "when to choose it")
    return Advice(
        header=header,
        rows=tuple(rows),
        note=_note(measured, reference, proved=bool(proof.cells)),
        made=made(proof, [load for group in groups for load in group.all]),
    )


def _note(loads: Sequence[Load], latency: str, *, proved: bool) -> str:
    kinds = dict.fromkeys(load.conditions.contention.partition(":")[0] for load in loads)
    told = [_CONTENTION[kind] for kind in kinds if kind in _CONTENTION]
    if latency:
        told.append(f"A call to Stripe takes {latency} ms.")
    if not proved:
        told.append("Having held under load is no proof: paidonce prove makes one.")
    return " ".join(told)


_CONTENTION = {
    "hot": "With hot:N all clients want the same N orders at a time.",
    "zipf": "With zipf:S:N they want N orders, few of them most.",
    "distinct": "With distinct everybody pays orders of their own.",
}


def _of(load: Load, variant: Variant) -> bool:
    return load.variant == variant.name


def _correct(variant: Variant, cells: list[Cell], loads: list[Load]) -> tuple[bool, str]:
    broken = [cell.scenario for cell in cells if cell.status is Status.INVALID]
    bad = [load for load in loads if load.status is Status.INVALID]
    if broken:
        first = ", ".join(broken[:2]) + (" …" if len(broken) > 2 else "")
        return False, f"no: breaks in {len(broken)} of {len(cells)} scenarios ({first})"
    if bad:
        where = ", ".join(dict.fromkeys(load.pattern for load in bad))
        return False, f"no: broke under load ({where})"
    if not variant.sound:
        return False, "no: declared vulnerable" + (
            "" if cells else ", and not caught by load alone"
        )
    judged = f"all {count(sum(load.operations for load in loads), 'operation')} of load"
    undecided_load = any(load.status is Status.UNKNOWN for load in loads)
    if undecided_load:
        judged += ", not all of it judged"
    if not cells:
        return not undecided_load, f"held in {judged}"
    proved = sum(cell.proved for cell in cells)
    undecided = sum(cell.status is Status.UNKNOWN for cell in cells)
    of_them = f", {proved} of them proved" if proved else ", none of them proved"
    words = f"held in all of {count(len(cells) - undecided, 'scenario')}{of_them}"
    words += f"; {undecided} not decided" if undecided else ""
    return not (undecided or undecided_load), f"{words}; and in {judged}"


def _figures(load: Load | None) -> Measured | None:
    if load is None:
        return None
    latency = load.latency
    return Measured(
        throughput=number(load.throughput),
        goodput=number(load.goodput),
        latency=(
            ("p50", number(latency.p50)),
            ("p99", number(latency.p99)),
            ("p99.9", number(latency.p999)),
        ),
    )


def _costs(groups: Sequence[Repeated]) -> str:
    """Return what the guard costs, under the load under which that was most."""
    parts = []
    loads = [group.load for group in groups]
    waits = max(loads, key=lambda load: load.lock_waits)
    if waits.lock_waits >= 0.05:
        parts.append(f"{number(waits.lock_waits)} sessions waiting for a lock ({waits.pattern})")
    held = max(groups, key=_held)
    if _held(held) >= 0.5:
        words = f"{number(_held(held))} connections idle in a transaction"
        parts.append(f"{words} ({held.load.pattern})")
    rejected = max(loads, key=lambda load: load.conflict_rate)
    if rejected.conflict_rate:
        parts.append(f"{percent(rejected.conflict_rate)} rejected ({rejected.pattern})")
    retries = sum(load.retries or 0 for load in loads)
    if retries:
        parts.append(count(retries, "retry", "retries"))
    failures = sum(_unserialized(load) for group in groups for load in group.all)
    if failures:
        parts.append(count(failures, "serialization failure"))
    deadlocks = sum(load.deadlocks for load in loads)
    if deadlocks:
        parts.append(count(deadlocks, "deadlock"))
    return "; ".join(parts) or "nothing that was waited for"


def _held(group: Repeated) -> float:
    """Connections kept by open transactions, on average; the median of the measurements."""
    found = [load.seen.sessions.held for load in group.all if load.seen is not None]
    return statistics.median(found) if found else 0.0


def _unserialized(load: Load) -> int:
    return 0 if load.seen is None else load.seen.serialization_failures or 0
