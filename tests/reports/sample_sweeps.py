"""Load alone, measured under everything that can be varied."""

from __future__ import annotations

import msgspec
from reports_sample import GUARDS, load, sample

from paidonce.harness.results.load_conditions import Conditions
from paidonce.harness.results.load_run import Load, Percentiles
from paidonce.harness.results.proof import Proof

LEVELS = ("hot:1", "zipf:1.1:100", "distinct")
LATENCIES = ("0", "20", "100", "300")
_HELD = ("row_lock", "advisory_lock")


def _swept(variant: str, number: int, level: str, latency: str, round: int, rate: float) -> Load:
    """A guard that holds a lock across the call to Stripe gets slower with it."""
    share = (0.2, 0.7, 1.0)[LEVELS.index(level)]
    lock = 25.0 if variant in _HELD and level != "distinct" else 4.0
    ms = (6 + number + float(latency) * lock / 20) / share * (1 + round / 20)
    rate_now = 16_000 / ms if not rate else min(rate, 900 / (1 + number / 4))
    one = load(variant, number, "pay")
    return msgspec.structs.replace(
        one,
        operations=round_up(rate_now * 10),
        payments=round_up(rate_now * 10 * share),
        seconds=10.0,
        users=16,
        latency=Percentiles(p50=ms, p90=ms * 2, p99=ms * 4 + rate, p999=ms * 7 + rate, max=ms * 9),
        rate=rate or None,
        arrivals="poisson" if rate else "",
        bound_ms=250.0 if rate else None,
        round=round,
        yardstick=2000.0,
        history=f"histories/{variant}/{level}-{latency}-{round}-{rate:.0f}.jsonl",
        conditions=Conditions(
            contention=level, think_s="0.01", timeout_s=15, stripe_latency_ms=latency
        ),
    )


def round_up(value: float) -> int:
    """At least one."""
    return max(int(value), 1)


def swept(*, cells: bool = False) -> Proof:
    """Load alone: each contention, each latency of Stripe, and rates, three times each."""
    proof = sample()
    loads = [
        _swept(name, number, level, latency, round, 0.0)
        for number, (name, *_) in enumerate(GUARDS)
        for level, latency in [
            *((level, "20") for level in LEVELS),
            *(("hot:1", latency) for latency in LATENCIES if latency != "20"),
        ]
        for round in (1, 2, 3)
    ]
    loads += [
        _swept(name, number, "distinct", "20", 1, rate)
        for number, (name, *_) in enumerate(GUARDS)
        for rate in (25.0, 50.0, 100.0, 200.0, 400.0)
    ]
    variants = tuple(
        msgspec.structs.replace(variant, choose="When it fits." if variant.sound else "Never.")
        for variant in proof.variants
    )
    return msgspec.structs.replace(
        proof,
        command="paidonce load --sweep contention=hot,zipf:1.1,distinct --repeat 3",
        variants=variants,
        scenarios=(),
        cells=proof.cells if cells else (),
        loads=tuple(loads),
    )
