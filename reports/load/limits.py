"""Each guard beside what bounds it, and what the servers saw of it, as tables. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from paidonce.harness.results.load_observed import Seen
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.reports.load.plots import Figure
from paidonce.reports.load.provenance import made
from paidonce.reports.load.repeated import Repeated, repeated
from paidonce.reports.words import number, percent

UNGUARDED = "none"
"""The variant that others are compared with: the same service with no guard."""


def limit_figures(proof: Proof) -> tuple[Figure, ...]:
    """Throughput as a ratio to both limits, and what the servers counted for a payment."""
    plain = [x for x in proof.loads if x.bound_ms is None and x.seen is not None]
    groups = [
        repetition
        for repetition in repeated(plain)
        if any(load.payments for load in repetition.all)
    ]
    if not groups:
        return ()
    return (*_ratios(proof, groups), _servers(proof, groups))


def _ratios(proof: Proof, groups: list[Repeated]) -> tuple[Figure, ...]:
    """Beside Postgres with the same SQL, and beside the service with no guard."""
    without = {
        _where(group.load): group.load.goodput
        for group in groups
        if group.load.variant == UNGUARDED
    }
    limited = any(_limit(group.load) is not None for group in groups)
    if not limited and not any(group.load.variant != UNGUARDED for group in groups if without):
        return ()
    return (
        Figure(
            name="limits",
            title="Beside the physical limit",
            note="Payments a second, and what part they are of those that the same database does "
            "with the same SQL and no service, by pgbench in the same run; and of those that the "
            f"same service does with no guard ({UNGUARDED}) under the same load.",
            plots=(),
            made=made(proof, [load for group in groups for load in group.all]),
            header=("guard", "load", "payments/s", "same SQL alone/s", "of it", "of no guard"),
            rows=tuple(
                (
                    group.load.variant,
                    _where(group.load),
                    number(group.load.goodput),
                    number(limit) if (limit := _limit(group.load)) is not None else "not measured",
                    _share(group.load.goodput, limit),
                    _share(group.load.goodput, without.get(_where(group.load))),
                )
                for group in groups
            ),
        ),
    )


def _servers(proof: Proof, groups: list[Repeated]) -> Figure:
    return Figure(
        name="servers",
        title="What the servers saw",
        note="For each payment that succeeded, whatever was asked beside it: transactions, calls "
        "to Stripe and round trips to Redis. On average: how long a call takes at Stripe, and how "
        "many sessions had a transaction open and waited for the service, or waited for a lock. In "
        "all: what could not be serialized, and deadlocks.",
        plots=(),
        made=made(proof, [load for group in groups for load in group.all]),
        header=(
            "guard",
            "load",
            "transactions",
            "Stripe calls",
            "Redis round trips",
            "Stripe ms",
            "held open",
            "waiting",
            "longest lock wait ms",
            "not serialized",
            "deadlocks",
        ),
        rows=tuple((group.load.variant, _where(group.load), *_counted(group)) for group in groups),
        folded=True,
    )


def _counted(one: Repeated) -> list[str]:
    def per_payment(load: Load, a_second: float | None) -> float | None:
        return None if a_second is None or not load.goodput else a_second / load.goodput

    return [
        _median(one, lambda load, seen: per_payment(load, _transactions(load, seen))),
        _median(one, lambda load, seen: per_payment(load, seen.counted.stripe_calls)),
        _median(one, lambda load, seen: per_payment(load, seen.counted.redis_round_trips)),
        _median(one, lambda _, seen: seen.counted.stripe_ms),
        _median(one, lambda _, seen: seen.sessions.held),
        _median(one, lambda _, seen: seen.sessions.waiting),
        _median(one, lambda _, seen: seen.sessions.longest_lock_wait_ms, "none seen"),
        _sum(one, lambda seen: seen.serialization_failures),
        _sum(one, lambda seen: seen.deadlocks),
    ]


def _transactions(load: Load, seen: Seen) -> float:
    return (seen.commits + seen.rollbacks) / load.seconds


def _median(
    one: Repeated, read: Callable[[Load, Seen], float | None], missing: str = "not known"
) -> str:
    found = [read(load, load.seen) for load in one.all if load.seen is not None]
    known = [value for value in found if value is not None]
    return number(statistics.median(known)) if known else missing


def _sum(one: Repeated, read: Callable[[Seen], int | None]) -> str:
    found = [read(load.seen) for load in one.all if load.seen is not None]
    known = [value for value in found if value is not None]
    return number(sum(known)) if known else "not known"


def _limit(load: Load) -> float | None:
    seen = load.seen
    return None if seen is None or seen.limit is None else seen.limit.payments


def _where(load: Load) -> str:
    """Under which load: what has to be the same for two figures to be compared."""
    parts = [load.pattern, f"{number(load.users)} users"]
    if load.rate:
        parts.append(f"{number(load.rate)}/s")
    if load.conditions.stripe_latency_ms:
        parts.append(f"Stripe {load.conditions.stripe_latency_ms} ms")
    return ", ".join(parts)


def _share(part: float, whole: float | None) -> str:
    return "not measured" if not whole else percent(part / whole)
