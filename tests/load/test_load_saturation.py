"""The search for the highest sustained rate, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from measured_loads import load, run

from paidonce import reports
from paidonce.harness.load.analyse.saturation import HIGHEST, NARROWING, START, Climb, sustained
from paidonce.harness.results.load_run import Load, Percentiles
from paidonce.harness.verdict import Status
from paidonce.reports.formats.html import page
from paidonce.reports.formats.markdown import summary
from paidonce.reports.load.performance import profiles
from paidonce.reports.load.saturation import saturation

BOUND_MS = 100.0


def offered(rate: float, *, capacity: float, status: Status = Status.VALID) -> Load:
    """What a service that serves ``capacity`` a second makes of a rate."""
    served = min(rate, capacity)
    quick = rate <= capacity
    latency = Percentiles(
        p50=5, p90=8, p99=20 if quick else 900, p999=30 if quick else 950, max=1000
    )
    return msgspec.structs.replace(
        load("claim", 1, served),
        rate=rate,
        arrivals="poisson",
        latency=latency,
        bound_ms=BOUND_MS,
        status=status,
    )


def climbed(judge: Callable[[float], Load]) -> tuple[Climb, list[float]]:
    climb, tried = Climb(BOUND_MS), []
    while (rate := climb.next()) is not None:
        tried.append(rate)
        climb.told(judge(rate))
        assert len(tried) < 50
    return climb, tried


@pytest.mark.parametrize("capacity", [3.5, 26, 90, 333, 1000, 5000])
def test_the_limit_is_found_to_within_a_tenth(capacity: float) -> None:
    climb, tried = climbed(lambda rate: offered(rate, capacity=capacity))
    assert climb.held <= capacity
    assert climb.held > capacity / 1.1 / (1 if capacity > START else 2)
    assert len(tried) <= 13 + NARROWING


def test_a_service_without_a_limit_ends_the_search() -> None:
    climb, tried = climbed(lambda rate: offered(rate, capacity=10**9))
    assert climb.held >= HIGHEST
    assert tried == sorted(tried)


def test_a_service_that_serves_nobody_sustains_nothing() -> None:
    climb, tried = climbed(lambda rate: offered(rate, capacity=0.001))
    assert climb.held == 0
    assert len(tried) == 1 + NARROWING


def test_a_broken_invariant_is_a_limit_as_well() -> None:
    climb, _ = climbed(
        lambda rate: offered(
            rate, capacity=10**9, status=Status.INVALID if rate > 200 else Status.VALID
        )
    )
    assert 180 < climb.held <= 200


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ({}, True),
        ({"status": Status.INVALID}, False),
        ({"rate": None}, False),
        ({"rate": 60.0}, False),
        ({"latency": Percentiles(p50=1, p90=1, p99=101, p999=1, max=1)}, False),
    ],
)
def test_what_it_takes_to_be_sustained(change: dict[str, object], held: bool) -> None:
    one = msgspec.structs.replace(offered(50, capacity=50), **change)
    assert sustained(one, BOUND_MS) is held


def test_several_searches_are_told_by_their_median_and_what_they_lie_between() -> None:
    loads = [
        msgspec.structs.replace(offered(rate, capacity=capacity), round=number)
        for number, capacity in enumerate((120, 90, 60), start=1)
        for rate in (25, 50, 71, 100, 141)
    ]
    (found,) = saturation(run(loads))
    (row,) = found.rows
    # The searches end at 100, 71 and 50; the next rates of each are 141, 100 and 71.
    assert row == ("claim", "71 (50 to 100)", "5", "20", "100 (71 to 141)", "p99 900 ms")
    (panel,) = found.panels
    assert panel.picture.count("<circle") == 15
    # A line joins the rates of one search, never of two.
    assert panel.picture.count('class="span"') == 2 * 3 * 4


def test_a_search_is_shown_as_curves_and_a_row_and_not_among_other_loads() -> None:
    loads = [offered(rate, capacity=120) for rate in (25, 50, 100, 200, 141)]
    proof = run([*loads, load("claim", 1, 300)])
    (found,) = saturation(proof)
    assert found.rows == (("claim", "100", "5", "20", "141", "p99 900 ms"),)
    (panel,) = found.panels
    assert panel.picture.count("<circle") == panel.picture.count("<path") == 5
    assert "bound 100 ms" in panel.picture
    assert [profile.name for profile in profiles(proof)] == ["many"]
    assert len(profiles(proof)[0].rows) == 1
    assert "many, saturation" in page(reports.assess(proof), Path())
    assert "| `claim` | 100 |" in summary(reports.assess(proof))
