"""Load runs as they might have been measured."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.results.load_run import Load, Percentiles
from paidonce.harness.results.proof import RESULTS_FORMAT, Machine, Proof
from paidonce.harness.verdict import Status


def load(guard: str, number: int, rate: float, yardstick: float | None = 1000.0) -> Load:
    milliseconds = 16_000 / rate
    return Load(
        variant=guard,
        profile="many",
        users=16,
        seconds=2.0,
        operations=round(rate * 2),
        payments=round(rate),
        outcomes={"ok": round(rate), "rejected": round(rate)},
        latency=Percentiles(
            p50=milliseconds,
            p90=milliseconds * 2,
            p99=milliseconds * 3,
            p999=milliseconds * 4,
            max=milliseconds * 5,
        ),
        lock_waits=0.5,
        lock_wait_share=0.25,
        rollbacks=number,
        deadlocks=1,
        retries=None,
        status=Status.VALID,
        verdicts=(),
        history=f"{guard}/{number}.jsonl",
        round=number,
        yardstick=yardstick,
    )


def run(loads: Sequence[Load]) -> Proof:
    return Proof(
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        seed=0,
        command="paidonce load --repeat 5",
        machine=Machine(system="s", cpus=2, python="3", paidonce="0", backends={}),
        variants=(),
        scenarios=(),
        loads=tuple(loads),
        format=RESULTS_FORMAT,
    )
