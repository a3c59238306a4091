"""From a history, and from samples of the database, to the numbers people compare."""

from __future__ import annotations

import random

import pytest

from paidonce.harness.history import Action, Completed, Event, Header, History, Invoked, Outcome
from paidonce.harness.load.analyse.summary import summarise
from paidonce.harness.load.observe.sampler import Sample, summarise_samples
from paidonce.harness.load.record.latencies import Latencies

MS = 1_000_000


def history(*operations: tuple[int, int | None, Action, Outcome, dict[str, object]]) -> History:
    events: list[tuple[int, Event]] = []
    for op, (start, end, action, outcome, more) in enumerate(operations, start=1):
        invoked = Invoked(t=start * MS, op=op, attempt="a", action=action, order="A")
        events.append((start * MS, invoked))
        if end is not None:
            completed = Completed(t=end * MS, op=op, outcome=outcome, **more)  # type: ignore[arg-type]
            events.append((end * MS, completed))
    events.sort(key=lambda item: item[0])
    return History([Header(run="r", scenario="s", target="t"), *(event for _, event in events)])


def pay(
    start: int, end: int | None, outcome: Outcome = Outcome.OK, **more: object
) -> tuple[int, int | None, Action, Outcome, dict[str, object]]:
    return start, end, Action.PAY, outcome, more


def test_operations_count_where_they_complete() -> None:
    recorded = history(
        pay(0, 50),  # before the window
        pay(90, 110),  # begun before, completed in it
        pay(150, 160, Outcome.REJECTED),
        (160, 170, Action.READ, Outcome.OK, {}),
        pay(180, 190, replayed=True),
        pay(185, 199, Outcome.UNKNOWN),
        pay(190, 200),  # completed at its end, so after it
        pay(120, None),
    )
    found = summarise(recorded, 100 * MS, 200 * MS)
    assert found.seconds == pytest.approx(0.1)
    assert found.operations == 5
    assert found.outcomes == {"ok": 3, "rejected": 1, "unknown": 1}
    assert found.by_action["read"] == {"ok": 1}
    assert found.payments == 1
    assert found.retries is None
    assert found.latency.max == pytest.approx(20)


def test_retries_are_summed_when_said() -> None:
    recorded = history(pay(0, 1, retries=2), pay(0, 2, Outcome.REJECTED, retries=3), pay(0, 3))
    assert summarise(recorded, 0, 10 * MS).retries == 5


def test_nothing_measured_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no operation completed"):
        summarise(history(pay(0, 5)), 10 * MS, 20 * MS)
    with pytest.raises(ValueError, match="window is empty"):
        summarise(history(pay(0, 5)), 10 * MS, 10 * MS)


def test_percentiles_agree_with_sorting() -> None:
    chance = random.Random(1)
    values = [int(chance.lognormvariate(15, 1.2)) for _ in range(20_000)]
    found = Latencies.of(values).percentiles()
    ordered = sorted(values)
    for share, value in (
        (0.5, found.p50),
        (0.9, found.p90),
        (0.99, found.p99),
        (0.999, found.p999),
    ):
        exact = ordered[int(share * len(ordered))] / 1e6
        assert value == pytest.approx(exact, rel=0.005)
    assert found.max == ordered[-1] / 1e6


def test_percentiles_of_one_value_are_that_value() -> None:
    found = Latencies.of([1_234_567]).percentiles()
    assert found.p50 == found.p999 == pytest.approx(1.234, abs=0.002)
    assert found.max == pytest.approx(1.234567)


def test_a_wait_beyond_the_histogram_is_still_the_maximum() -> None:
    assert Latencies.of([10**13]).percentiles().max == pytest.approx(10**7)


def sample(t: int, waiting: int = 0, commits: int = 0, rollbacks: int = 0, dead: int = 0) -> Sample:
    return Sample(
        t=t,
        sessions={"Lock: tuple": waiting, "idle": 1},
        commits=commits,
        rollbacks=rollbacks,
        deadlocks=dead,
    )


def test_samples_are_averaged_over_the_window() -> None:
    samples = (
        sample(5, waiting=9, commits=90, rollbacks=4, dead=1),
        sample(10, waiting=0, commits=100, rollbacks=5, dead=1),
        sample(15, waiting=3, commits=140, rollbacks=6, dead=1),
        sample(20, waiting=1, commits=150, rollbacks=9, dead=2),
        sample(25, waiting=7, commits=900, rollbacks=90, dead=9),
    )
    found = summarise_samples(samples, 10, 25)
    assert found.samples == 3
    assert found.lock_waits == pytest.approx(4 / 3)
    assert found.lock_wait_share == pytest.approx(2 / 3)
    assert found.rollbacks == 9 - 4
    assert found.deadlocks == 2 - 1
    assert found.commits == 150 - 90 - 3  # less the sampler's own three


def test_without_a_sample_before_the_window_the_first_inside_is_the_base() -> None:
    found = summarise_samples((sample(1, commits=10), sample(2, commits=13, rollbacks=1)), 0, 9)
    assert (found.commits, found.rollbacks) == (2, 1)


def test_a_window_nobody_looked_at_is_an_error() -> None:
    with pytest.raises(ValueError, match="not looked at"):
        summarise_samples((sample(5),), 10, 20)
