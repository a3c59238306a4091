"""Where the time of a request goes, and what a payment asks of the servers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.results.load_observed import Alone, Limit, Spent, Where
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.reports.charts.stacks import Bar, Segment, Stack
from paidonce.reports.load.performance import reference_latency
from paidonce.reports.load.plots import Figure
from paidonce.reports.load.provenance import made
from paidonce.reports.words import number

_PARTS: dict[Where, tuple[str, int]] = {
    Where.LOCK: ("waiting for a lock", 4),
    Where.DATABASE: ("database", 0),
    Where.REDIS: ("Redis", 3),
    Where.STRIPE: ("Stripe", 1),
    Where.POOL: ("waiting for a connection", 6),
    Where.SERVICE: ("service and client", 8),
}


def spending_figures(proof: Proof) -> tuple[Figure, ...]:
    """One figure of the first measurement of each guard under each pattern of load.

    Where Stripe's latency was varied, those under the one that the table of guards is of.
    """
    plain = [x for x in proof.loads if x.bound_ms is None and x.seen is not None]
    if not plain:
        return ()
    reference = reference_latency(plain)
    groups: dict[str, dict[str, tuple[Load, Spent]]] = {}
    for load in plain:
        spent = load.seen.spent if load.seen is not None else None
        if spent is not None and load.conditions.stripe_latency_ms == reference:
            groups.setdefault(load.pattern, {}).setdefault(load.variant, (load, spent))
    if not groups:
        return ()
    used = {part.where for group in groups.values() for _, s in group.values() for part in s.parts}
    kinds = [where for where in _PARTS if where in used]
    return (
        Figure(
            name="spent",
            title="Where the time of a request goes",
            note="On average, in milliseconds. Where the service says nothing of itself it is from "
            "samples of the servers, and what they do not explain is the service and its client.",
            plots=(),
            stacks=tuple(
                _stack(pattern, list(group.values()), kinds) for pattern, group in groups.items()
            ),
            keys=tuple((_PARTS[where][1], _PARTS[where][0]) for where in kinds),
            made=made(proof, [load for group in groups.values() for load, _ in group.values()]),
            header=("guard", "load", "ms", *(_PARTS[where][0] for where in kinds)),
            rows=tuple(
                (load.variant, pattern, number(spent.ms), *_numbers(spent, kinds))
                for pattern, group in groups.items()
                for load, spent in group.values()
            ),
        ),
        *_asked(proof, plain),
    )


def _stack(pattern: str, group: Sequence[tuple[Load, Spent]], kinds: Sequence[Where]) -> Stack:
    of = dict.fromkeys(spent.of for _, spent in group)
    return Stack(
        title=pattern,
        note=f"of an average {' or '.join(of)}",
        unit="ms",
        bars=tuple(
            Bar(
                name=load.variant,
                parts=tuple(
                    Segment(name=_PARTS[where][0], value=ms, colour=_PARTS[where][1])
                    for where in kinds
                    if (ms := _ms(spent, where)) > 0
                ),
            )
            for load, spent in group
        ),
    )


def _ms(spent: Spent, where: Where) -> float:
    return sum(part.ms for part in spent.parts if part.where is where)


def _numbers(spent: Spent, kinds: Sequence[Where]) -> list[str]:
    return [number(_ms(spent, where)) for where in kinds]


def _asked(proof: Proof, loads: Sequence[Load]) -> tuple[Figure, ...]:
    """Return figures of what one payment sends, and how many of them the database could do by
    itself."""
    alone: dict[str, Alone] = {}
    limits: dict[str, Limit] = {}
    used: list[Load] = []
    for load in loads:
        if load.seen is None:
            continue
        if load.seen.alone is not None and load.variant not in alone:
            alone[load.variant] = load.seen.alone
            used.append(load)
        if load.seen.limit is not None:
            limits.setdefault(load.variant, load.seen.limit)
    if not alone:
        return ()
    return (
        Figure(
            name="asked",
            title="What one payment asks of the servers",
            note="Alone, with nobody else there; and how many payments a second the same database "
            "does with the same SQL and no service, by pgbench.",
            plots=(),
            made=made(proof, used),
            header=(
                "guard",
                "round trips to Postgres",
                "statements",
                "transactions",
                "calls to Stripe",
                "Redis commands",
                "payments/s of the database alone",
            ),
            rows=tuple(
                (
                    guard,
                    number(one.round_trips),
                    number(one.statements),
                    number(one.transactions),
                    number(one.stripe_calls),
                    number(one.redis_commands),
                    _limit(limits.get(guard)),
                )
                for guard, one in alone.items()
            ),
        ),
    )


def _limit(limit: Limit | None) -> str:
    if limit is None:
        return "not measured"
    if limit.payments is None:
        return limit.why_not or "not measured"
    return f"{number(limit.payments)} ({limit.clients} clients)"
