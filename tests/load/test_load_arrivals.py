"""Open loops: clients come when they come, and are late where they are kept."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.history import Action, Completed, Header, History, Invoked, Outcome
from paidonce.harness.load.analyse.summary import summarise
from paidonce.harness.load.generate.job import LoadJob
from paidonce.harness.load.plan.arrivals import Arrivals
from paidonce.scenarios.reference import TARGET

MS = 1_000_000


def times(count: int, *, poisson: bool, seed: int = 1, interval: float = 2.0) -> list[float]:
    arrivals = Arrivals(interval, poisson=poisson, chance=random.Random(seed), start=100.0)
    return [arrivals.next() for _ in range(count)]


def test_constant_arrivals_are_evenly_spread_from_a_moment_of_their_own() -> None:
    found = times(5, poisson=False)
    assert 100.0 <= found[0] < 102.0
    assert [b - a for a, b in itertools.pairwise(found)] == pytest.approx([2.0] * 4)
    assert times(1, poisson=False, seed=2) != times(1, poisson=False)


def test_poisson_arrivals_scatter_as_they_should() -> None:
    gaps = [b - a for a, b in itertools.pairwise([100.0, *times(20_000, poisson=True)])]
    assert statistics.fmean(gaps) == pytest.approx(2.0, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(2.0, rel=0.03), "as an exponential does"


def test_the_same_seed_gives_the_same_arrivals() -> None:
    assert times(50, poisson=True) == times(50, poisson=True)


def test_latency_counts_from_the_moment_the_client_was_to_come() -> None:
    events = [
        Header(run="r", scenario="s", target="t"),
        Invoked(t=0, op=1, attempt="a", action=Action.PAY, order="A"),
        Completed(t=50 * MS, op=1, outcome=Outcome.OK),
        Invoked(t=50 * MS, op=2, attempt="a", action=Action.PAY, order="B", late=40 * MS),
        Completed(t=60 * MS, op=2, outcome=Outcome.OK),
    ]
    found = summarise(History(events), 0, 100 * MS)
    assert found.latency.max == pytest.approx(50)
    assert found.latency.p50 == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"rate": -1.0}, "rate: expected 0 to"), ({"arrivals": "bursty"}, "arrivals: expected")],
)
def test_what_is_no_open_loop_is_said(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        LoadJob(
            target=TARGET,
            base_url="http://127.0.0.1:1",
            variant="none",
            profile="many",
            users=1,
            seconds=1.0,
            warmup=0.0,
            **wrong,  # type: ignore[arg-type]
        )
