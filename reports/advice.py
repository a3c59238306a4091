"""Which guard to choose: one row for each, what was proved first, then what it costs. Pure."""

from __future__ import annotations

import msgspec

from harness.results import Cell, Load, Proof, Variant
from harness.verdict import Status
from reports.repeated import repeated
from reports.words import count, number, percent


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The table; ``header`` names the columns of ``rows``."""

    header: tuple[str, ...]
    rows: tuple[AdviceRow, ...]


class AdviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One guard. ``good`` tells whether nothing speaks against it."""

    guard: str
    title: str
    good: bool
    correct: str
    figures: tuple[str, ...]
    costs: str
    choose: str


def advice(proof: Proof) -> Advice | None:
    """A row for every guard that was measured; None where none was."""
    measured = [one.load for one in repeated([x for x in proof.loads if x.bound_ms is None])]
    if not measured:
        return None
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
        good, correct = _correct(variant, cells, list(loads.values()))
        rows.append(
            AdviceRow(
                guard=variant.name,
                title=variant.title,
                good=good,
                correct=correct,
                figures=tuple(_figures(loads.get(kind)) for kind in kinds),
                costs=_costs(list(loads.values())),
                choose=variant.choose,
            )
        )
    rows.sort(key=lambda row: not row.good)
    header = ("guard", "correct", *names, "seen under load", "when to choose it")
    return Advice(header=header, rows=tuple(rows))


def _correct(variant: Variant, cells: list[Cell], loads: list[Load]) -> tuple[bool, str]:
    broken = [cell.scenario for cell in cells if cell.status is Status.INVALID]
    under_load = any(load.status is Status.INVALID for load in loads)
    if broken:
        first = ", ".join(broken[:2]) + (" …" if len(broken) > 2 else "")
        return False, f"no: breaks in {len(broken)} of {len(cells)} scenarios ({first})"
    if under_load:
        return False, "no: broke under this load"
    if not variant.sound:
        return False, "no: declared vulnerable" + (
            "" if cells else ", and not caught by load alone"
        )
    if not cells:
        return True, "held under this load; what is proved of it, paidonce prove says"
    proved = sum(cell.proved for cell in cells)
    undecided = sum(cell.status is Status.UNKNOWN for cell in cells)
    words = f"held in all of {count(len(cells) - undecided, 'scenario')}, {proved} of them proved"
    return not undecided, words + (f"; {undecided} not decided" if undecided else "")


def _figures(load: Load | None) -> str:
    if load is None:
        return "not measured"
    latency = load.latency
    return (
        f"{number(load.throughput)}/s; p50 {number(latency.p50)}, p99 {number(latency.p99)}, "
        f"p99.9 {number(latency.p999)} ms"
    )


def _costs(loads: list[Load]) -> str:
    """What was seen of it in the profile in which there was most of it."""
    parts = []
    waits = max(loads, key=lambda load: load.lock_waits)
    if waits.lock_waits >= 0.05:
        parts.append(f"{number(waits.lock_waits)} sessions waiting for a lock ({waits.pattern})")
    rejected = max(loads, key=lambda load: load.conflict_rate)
    if rejected.conflict_rate:
        parts.append(f"{percent(rejected.conflict_rate)} rejected ({rejected.pattern})")
    retries = sum(load.retries or 0 for load in loads)
    if retries:
        parts.append(count(retries, "retry", "retries"))
    deadlocks = sum(load.deadlocks for load in loads)
    if deadlocks:
        parts.append(count(deadlocks, "deadlock"))
    return "; ".join(parts) or "nothing that was waited for"
