"""The load runs of a proof as panels of plots and rows of numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from markupsafe import Markup

from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.harness.verdict import Status
from paidonce.reports.charts.charts import Row, bars, dots
from paidonce.reports.load.provenance import Provenance, made
from paidonce.reports.load.repeated import Repeated, repeated
from paidonce.reports.words import number, percent


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One plot. ``keys`` are the legend: (class of the mark, shape, words), if it needs one."""

    title: str
    note: str
    picture: Markup
    keys: tuple[tuple[str, str, str], ...] = ()


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """All load runs of one profile; ``header`` and ``rows`` are the table of their numbers."""

    name: str
    settings: str
    panels: tuple[Panel, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    made: Provenance


HEADER = (
    "guard",
    "users",
    "answers/s",
    "payments/s",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "rejected",
    "lock waits · share of time",
    "rollbacks",
    "deadlocks",
    "retries",
    "asked again",
    "verdict",
)


def profiles(proof: Proof) -> tuple[Profile, ...]:
    """One entry for each pattern of load, in the order in which they were first run.

    Where Stripe's latency was varied there are plots for one of them, and numbers for all.
    Searches for a sustained rate are not among them: see ``paidonce.reports.load.saturation``.
    """
    plain = [load for load in proof.loads if load.bound_ms is None]
    if not plain:
        return ()
    reference = reference_latency(plain)
    groups: dict[tuple[str, str], list[Load]] = {}
    for load in plain:
        groups.setdefault((load.pattern, load.conditions.stripe_latency_ms), []).append(load)
    several = len({latency for _, latency in groups}) > 1
    return tuple(
        _profile(
            proof,
            f"{pattern}, Stripe {latency} ms" if several else pattern,
            place,
            repeated(loads),
            drawn=latency == reference,
        )
        for place, ((pattern, latency), loads) in enumerate(groups.items())
    )


def reference_latency(loads: Sequence[Load]) -> str:
    """The Stripe latency under which most patterns of load were measured, the first of several."""
    patterns: dict[str, set[str]] = {}
    for load in loads:
        patterns.setdefault(load.conditions.stripe_latency_ms, set()).add(load.pattern)
    return max(patterns, key=lambda latency: len(patterns[latency]))


def figures(one: Repeated) -> tuple[str, ...]:
    """The numbers of one guard as text, in the order of ``HEADER``."""
    load, latency = one.load, one.load.latency

    def ranged(read: Callable[[Load], float]) -> str:
        spread = one.spread(read)
        if spread is None:
            return number(read(load))
        return f"{number(read(load))} ({number(spread[0])} to {number(spread[1])})"

    return (
        load.variant,
        number(load.users),
        ranged(lambda load: load.throughput),
        ranged(lambda load: load.goodput),
        ranged(lambda load: load.latency.p50),
        number(latency.p90),
        ranged(lambda load: load.latency.p99),
        number(latency.p999),
        number(latency.max),
        percent(load.conflict_rate),
        f"{number(load.lock_waits)} · {percent(load.lock_wait_share)}" if load.lock_waits else "0",
        number(load.rollbacks),
        number(load.deadlocks),
        "not told" if load.retries is None else number(load.retries),
        number(load.tried_again),
        verdict_word(load),
    )


def verdict_word(load: Load) -> str:
    """Return how the histories of the load itself were judged."""
    return {Status.VALID: "held", Status.INVALID: "broke", Status.UNKNOWN: "not judged"}[
        load.status
    ]


def _profile(
    proof: Proof, name: str, place: int, measured: Sequence[Repeated], *, drawn: bool
) -> Profile:
    vulnerable = {variant.name for variant in proof.variants if not variant.sound}
    loads = [repetition.load for repetition in measured]
    rounds = max(len(repetition.all) for repetition in measured)
    users = sorted({load.users for load in loads})
    seconds = sorted({round(load.seconds) for load in loads})
    settings = f"{_span(users)} users, measured for {_span(seconds)} s"
    rates = sorted({load.rate for load in loads if load.rate})
    if rates:
        come = "/".join(sorted({load.arrivals for load in loads if load.arrivals}))
        offered = " to ".join(number(rate) for rate in dict.fromkeys((rates[0], rates[-1])))
        settings += f", {offered} clients a second ({come}), latency from when they were to come"
    conditions = list(dict.fromkeys(load.conditions.words for load in loads))
    settings += "".join(f"; {words}" for words in conditions if words)
    if rounds > 1:
        settings += f", {rounds} times each in turns: medians, and the least and the most of them"

    def rows(*read: Callable[[Load], tuple[float | None, str]]) -> list[Row]:
        return [
            Row(
                label=load.variant if len(users) == 1 else f"{load.variant} · {load.users}",
                values=tuple(get(load)[0] for get in read),
                shown=tuple(get(load)[1] for get in read),
                below=load.variant in vulnerable,
            )
            for load in loads
        ]

    key = f"load-{place}"
    answers = "Answers and payments per second"
    latency = "Latency of an operation"
    rejected = "Cleanly rejected"
    waits = "Waiting for a database lock"
    wasted = "Rollbacks and retries"
    broken = "Failures and silence"
    panels = (
        Panel(
            title=answers,
            note="answers of any kind (upper bar), payments that succeeded (lower bar)",
            keys=(("series-0", "bar", "answers/s"), ("series-1", "bar", "payments/s")),
            picture=bars(
                rows(
                    lambda load: (load.throughput, number(load.throughput)),
                    lambda load: (load.goodput, number(load.goodput)),
                ),
                answers,
                f"{key}-rate",
            ),
        ),
        Panel(
            title=latency,
            note="in milliseconds, on a logarithmic scale",
            keys=(
                ("dot-0", "circle", "half are faster (p50)"),
                ("dot-1", "square", "90 % (p90)"),
                ("dot-2", "triangle", "99 % (p99)"),
            ),
            picture=dots(
                rows(
                    lambda load: (load.latency.p50, f"p50 {number(load.latency.p50)} ms"),
                    lambda load: (load.latency.p90, f"p90 {number(load.latency.p90)} ms"),
                    lambda load: (load.latency.p99, f"p99 {number(load.latency.p99)} ms"),
                ),
                latency,
                f"{key}-latency",
                "ms",
            ),
        ),
        Panel(
            title=rejected,
            note="share of operations that got a clean 4xx, as a loser should",
            picture=bars(
                rows(lambda load: (load.conflict_rate, percent(load.conflict_rate))),
                rejected,
                f"{key}-rejected",
            ),
        ),
        Panel(
            title=waits,
            note="database sessions waiting, on average over the run",
            picture=bars(
                rows(lambda load: (load.lock_waits, number(load.lock_waits))),
                waits,
                f"{key}-waits",
            ),
        ),
        Panel(
            title=wasted,
            note="rolled back transactions (upper bar), retries the service told of (lower bar)",
            keys=(("series-0", "bar", "rollbacks"), ("series-1", "bar", "retries")),
            picture=bars(
                rows(
                    lambda load: (float(load.rollbacks), number(load.rollbacks)),
                    lambda load: (
                        None if load.retries is None else float(load.retries),
                        "not told" if load.retries is None else number(load.retries),
                    ),
                ),
                wasted,
                f"{key}-wasted",
            ),
        ),
        Panel(
            title=broken,
            note="answers of 5xx (upper bar), requests nobody answered (lower bar)",
            keys=(("series-0", "bar", "failed"), ("series-1", "bar", "no answer")),
            picture=bars(
                rows(lambda load: _outcome(load, "failed"), lambda load: _outcome(load, "unknown")),
                broken,
                f"{key}-broken",
            ),
        ),
    )
    return Profile(
        name=name,
        settings=settings,
        panels=panels if drawn else (),
        header=HEADER,
        rows=tuple(figures(repetition) for repetition in measured),
        made=made(proof, [load for repetition in measured for load in repetition.all]),
    )


def _outcome(load: Load, name: str) -> tuple[float, str]:
    outcome = load.outcomes.get(name, 0)
    return float(outcome), number(outcome)


def _span(values: Sequence[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"
