"""Each guard beside its physical limit, and what the servers counted."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sample_sweeps import swept

from paidonce import reports
from paidonce.harness.results.load_observed import HELD, Counted, Limit, Seen, Sessions, Timeline
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.reports.formats.html import page
from paidonce.reports.formats.markdown import summary
from paidonce.reports.load.limits import UNGUARDED, limit_figures


def watched(limit: Limit | None) -> Proof:
    """Two guards under one load, watched: the second is the one without any."""
    proof = swept()
    first = next(load for load in proof.loads if load.bound_ms is None)
    sessions = Sessions(
        samples=9,
        interval_ms=20,
        means={HELD: 7.5, "Lock: tuple": 2.0},
        timeline=Timeline(step_ms=50, series={HELD: (7.5,)}),
        longest_lock_wait_ms=12.0,
    )
    seen = Seen(
        sessions=sessions,
        commits=400,
        rollbacks=100,
        deadlocks=1,
        errors={"40001": 3},
        counted=Counted(stripe_calls=30.0, stripe_ms=2.0),
        limit=limit,
    )

    def load(variant: str, payments: int, round_: int = 1) -> Load:
        return msgspec.structs.replace(
            first, variant=variant, seconds=10.0, payments=payments, round=round_, seen=seen
        )

    loads = (load("row_lock", 200), load("row_lock", 200, 2), load(UNGUARDED, 400))
    return msgspec.structs.replace(proof, loads=loads)


def test_a_guard_stands_beside_the_same_sql_alone_and_beside_no_guard() -> None:
    ratios, servers = limit_figures(watched(Limit(payments=1000.0, clients=8, made=9)))
    assert [row[0] for row in ratios.rows] == ["row_lock", UNGUARDED]
    assert ratios.rows[0][2:] == ("20.0", "1,000", "2 %", "50 %")
    assert ratios.rows[1][2:] == ("40.0", "1,000", "4 %", "100 %")
    assert dict(zip(servers.header, servers.rows[0], strict=True)) | {"load": ""} == {
        "guard": "row_lock",
        "load": "",
        "transactions": "2.50",
        "Stripe calls": "1.50",
        "Redis round trips": "not known",
        "Stripe ms": "2.00",
        "held open": "7.50",
        "waiting": "2.00",
        "longest lock wait ms": "12.0",
        "not serialized": "6",
        "deadlocks": "2",
    }


def test_what_was_not_measured_is_said_to_be_so() -> None:
    ratios, _ = limit_figures(watched(Limit(why_not="no pgbench")))
    assert ratios.rows[0][3:] == ("not measured", "not measured", "50 %")
    assert limit_figures(swept()) == ()


def test_both_are_in_the_page_and_in_the_summary(tmp_path: Path) -> None:
    proof = watched(Limit(payments=1000.0, clients=8, made=9))
    for text in (page(reports.assess(proof), tmp_path), summary(reports.assess(proof))):
        assert "Beside the physical limit" in text
        assert "What the servers saw" in text
