"""Several measurements of one guard as one: medians, and how far apart they are. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import msgspec

from paidonce.harness.results.load_conditions import Conditions
from paidonce.harness.results.load_run import Load, Percentiles
from paidonce.harness.verdict import Status


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """``load`` has the medians of ``all`` in it, the worst verdict and that one's history."""

    load: Load
    all: tuple[Load, ...]

    def spread(self, read: Callable[[Load], float]) -> tuple[float, float] | None:
        """The least and the most of a figure; None of a single measurement.

        Between them the median of all there could be lies with a certainty of
        ``1 - 2 ** (1 - n)`` (David & Nagaraja, *Order Statistics*, 2003, section 7.1).
        """
        if len(self.all) == 1:
            return None
        values = [read(load) for load in self.all]
        return min(values), max(values)


def repeated(loads: Sequence[Load]) -> tuple[Repeated, ...]:
    """An entry for each variant, pattern, users, rate and conditions, in the order they came."""
    groups: dict[tuple[str, str, int, float | None, Conditions], list[Load]] = {}
    for load in loads:
        key = (load.variant, load.profile, load.users, load.rate, load.conditions)
        groups.setdefault(key, []).append(load)
    return tuple(Repeated(load=_median(group), all=tuple(group)) for group in groups.values())


def _median(loads: Sequence[Load]) -> Load:
    if len(loads) == 1:
        return loads[0]

    def of(read: Callable[[Load], float]) -> float:
        return statistics.median(read(load) for load in loads)

    def counted(outcome: str) -> int:
        return round(of(lambda load: load.outcomes.get(outcome, 0)))

    outcomes = dict.fromkeys(name for load in loads for name in load.outcomes)
    said = [load.retries for load in loads if load.retries is not None]
    worst = min(loads, key=lambda load: _WORST.index(load.status))
    return msgspec.structs.replace(
        worst,
        seconds=of(lambda load: load.seconds),
        operations=round(of(lambda load: load.operations)),
        payments=round(of(lambda load: load.payments)),
        outcomes={name: counted(name) for name in outcomes},
        latency=Percentiles(
            p50=of(lambda load: load.latency.p50),
            p90=of(lambda load: load.latency.p90),
            p99=of(lambda load: load.latency.p99),
            p999=of(lambda load: load.latency.p999),
            max=max(load.latency.max for load in loads),
        ),
        lock_waits=of(lambda load: load.lock_waits),
        lock_wait_share=of(lambda load: load.lock_wait_share),
        rollbacks=round(of(lambda load: load.rollbacks)),
        deadlocks=sum(load.deadlocks for load in loads),
        retries=round(statistics.median(said)) if said else None,
        tried_again=round(of(lambda load: load.tried_again)),
    )


_WORST = (Status.INVALID, Status.UNKNOWN, Status.VALID)
