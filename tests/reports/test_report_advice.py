"""The table a reviewer reads first: what is correct, then what it costs."""

from __future__ import annotations

from pathlib import Path

import msgspec
from reports_sample import sample
from sample_sweeps import LEVELS, swept

from paidonce import reports
from paidonce.harness.results.load_run import Load, Percentiles
from paidonce.harness.results.proof import Variant
from paidonce.harness.verdict import Status
from paidonce.reports.formats.html import page
from paidonce.reports.load.advice import advice
from paidonce.scenarios.reference import VARIANTS


def measured(variant: str, **more: object) -> Load:
    one = Load(
        variant=variant,
        profile="hot",
        users=16,
        seconds=2.0,
        operations=200,
        payments=100,
        outcomes={"ok": 100, "rejected": 100},
        latency=Percentiles(p50=5, p90=8, p99=20, p999=30, max=40),
        lock_waits=0.0,
        lock_wait_share=0.0,
        rollbacks=0,
        deadlocks=0,
        retries=0,
        status=Status.VALID,
        verdicts=(),
        history="h.jsonl",
    )
    return msgspec.structs.replace(one, **more)


def test_every_guard_says_when_to_choose_it() -> None:
    assert all(variant.choose for variant in VARIANTS)
    assert all(variant.choose.startswith("Never") for variant in VARIANTS if not variant.sound)


def test_what_is_correct_comes_first_with_a_column_for_each_load() -> None:
    base = sample()
    variants = (
        Variant(name="wrong", title="Wrong", sound=False, choose="Never."),
        Variant(name="right", title="Right", sound=True, choose="Always."),
        Variant(name="idle", title="Not measured", sound=True),
    )
    loads = (
        measured("wrong"),
        measured("right", lock_waits=2.5, retries=3, deadlocks=1),
        measured("right", profile="many", outcomes={"ok": 200}),
    )
    found = advice(msgspec.structs.replace(base, variants=variants, cells=(), loads=loads))
    assert found is not None
    assert found.header[2:4] == ("hot, 16 users", "many, 16 users")
    assert [(row.guard, row.good) for row in found.rows] == [("right", True), ("wrong", False)]
    right, wrong = found.rows
    assert str(right.figures[0]) == "100/s, 50.0 paid/s; p50 5, p99 20, p99.9 30 ms"
    assert right.costs == (
        "2.50 sessions waiting for a lock (hot); 50 % rejected (hot); 3 retries; 1 deadlock"
    )
    assert wrong.figures[1] is None
    assert wrong.correct == "no: declared vulnerable, and not caught by load alone"


def test_a_guard_that_broke_is_advised_against_whatever_was_declared() -> None:
    base = sample()
    variants = (Variant(name="right", title="Right", sound=True),)
    loads = (measured("right", status=Status.INVALID),)
    found = advice(msgspec.structs.replace(base, variants=variants, cells=(), loads=loads))
    assert found is not None
    assert [(row.good, row.correct) for row in found.rows] == [
        (False, "no: broke under load (hot)")
    ]


def test_it_stands_before_the_matrix_and_only_where_something_was_measured() -> None:
    proof = sample()
    assert proof.loads
    made = page(reports.assess(proof), Path())
    assert made.index('id="advice"') < made.index('id="matrix"')
    assert 'id="advice"' not in page(
        reports.assess(msgspec.structs.replace(proof, loads=())), Path()
    )
    found = advice(proof)
    assert found is not None
    assert {row.guard for row in found.rows} == {load.variant for load in proof.loads}


def test_a_sweep_gives_the_columns_of_its_contentions_at_one_latency_of_stripe() -> None:
    found = advice(swept())
    assert found is not None
    assert found.header[2:-2] == tuple(f"pay {level}, 16 users" for level in LEVELS)
    assert "A call to Stripe takes 20 ms." in found.note
    assert "paidonce load --sweep" in found.made.command
    assert "3 times each in turns" in found.made.words
    judged = sum(load.operations for load in swept().loads if load.variant == "claim")
    (claim,) = (row for row in found.rows if row.guard == "claim")
    assert claim.correct.startswith(f"held in all {judged:,} operations of load")
