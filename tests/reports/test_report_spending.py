"""Where the time of a request goes, and what a payment asks of the servers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from reports_sample import GUARDS
from sample_sweeps import swept

from paidonce import reports
from paidonce.harness.results.load_observed import (
    HELD,
    Alone,
    Limit,
    Part,
    Seen,
    Sessions,
    Spent,
    Timeline,
    Where,
)
from paidonce.harness.results.proof import Proof
from paidonce.reports.charts.stacks import stack_picture
from paidonce.reports.formats.html import page
from paidonce.reports.formats.markdown import summary
from paidonce.reports.load.advice import advice
from paidonce.reports.load.spending import spending_figures

SPENT = Spent(
    of="operation",
    ms=100.0,
    parts=(
        Part(where=Where.LOCK, ms=60.0),
        Part(where=Where.STRIPE, ms=30.0, told=True),
        Part(where=Where.SERVICE, ms=10.0),
    ),
)
ALONE = Alone(round_trips=5, statements=6, transactions=1, stripe_calls=1, redis_commands=0)


def told(**more: object) -> Proof:
    """A sweep of which the servers were watched; ``more`` is of what was seen."""
    sessions = Sessions(
        samples=9,
        interval_ms=20,
        means={HELD: 7.5},
        timeline=Timeline(step_ms=50, series={HELD: (7.5, 7.5)}),
    )
    seen = msgspec.structs.replace(
        Seen(sessions=sessions, commits=1, rollbacks=0, deadlocks=0), spent=SPENT, **more
    )
    proof = swept()
    loads = tuple(msgspec.structs.replace(load, seen=seen) for load in proof.loads)
    return msgspec.structs.replace(proof, loads=loads)


def test_the_parts_of_each_guard_are_stacked_for_each_load() -> None:
    (figure,) = spending_figures(told())
    assert [stack.title for stack in figure.stacks] == [
        "pay hot:1",
        "pay zipf:1.1:100",
        "pay distinct",
    ]
    bars = figure.stacks[0].bars
    assert [bar.name for bar in bars] == [name for name, *_ in GUARDS]
    assert [(part.name, part.value) for part in bars[0].parts] == [
        ("waiting for a lock", 60.0),
        ("Stripe", 30.0),
        ("service and client", 10.0),
    ]
    assert bars[0].whole == pytest.approx(100)
    assert figure.header == (
        "guard", "load", "ms", "waiting for a lock", "Stripe", "service and client"
    )  # fmt: skip
    assert figure.rows[0] == ("row_lock", "pay hot:1", "100", "60.0", "30.0", "10.0")
    drawn = ET.fromstring(str(stack_picture(figure.stacks[0], "s")))
    assert len(list(drawn.iter("rect"))) == 3 * len(GUARDS)


def test_what_a_payment_asks_stands_beside_what_the_database_could_do() -> None:
    proof = told(alone=ALONE, limit=Limit(payments=1234.0, clients=8, made=9))
    _, asked = spending_figures(proof)
    assert asked.rows[0] == ("row_lock", "5", "6", "1", "1", "0", "1,234 (8 clients)")
    _, without = spending_figures(told(alone=ALONE, limit=Limit(why_not="no pgbench")))
    assert without.rows[0][-1] == "no pgbench"
    _, neither = spending_figures(told(alone=ALONE))
    assert neither.rows[0][-1] == "not measured"


def test_nothing_is_said_of_what_was_not_seen() -> None:
    assert spending_figures(swept()) == ()


def test_both_are_in_the_page_and_in_the_summary() -> None:
    proof = told(alone=ALONE)
    made, text = page(reports.assess(proof), Path()), summary(reports.assess(proof))
    for title in ("Where the time of a request goes", "What one payment asks of the servers"):
        assert title in made
        assert f"### {title}" in text


def test_connections_that_are_kept_are_a_cost_of_the_guard() -> None:
    found = advice(told(errors={"40001": 2}))
    assert found is not None
    assert "7.50 connections idle in a transaction (pay hot:1)" in found.rows[0].costs
    assert "18 serialization failures" in found.rows[0].costs, "two in each of nine measurements"
