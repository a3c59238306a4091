"""Histograms of several workers, added, are the histogram of the whole."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.history import Action, Completed, Outcome, read_history
from paidonce.harness.load.analyse.summary import summarise
from paidonce.harness.load.plan.plan import LoadPlan
from paidonce.harness.load.plan.settings import LoadSettings
from paidonce.harness.load.plan.spread import spread
from paidonce.harness.load.record.latencies import Latencies, read_log
from paidonce.harness.load.record.recorder import LATENCIES, Recorder
from paidonce.harness.service.description import Target

CHANCE = random.Random(5)
WORKERS = [
    [int(CHANCE.lognormvariate(16 + worker, 1.5)) for _ in range(3000)] for worker in range(3)
]


def test_merged_is_the_whole_and_no_mean_of_percentiles() -> None:
    whole = Latencies.of(value for worker in WORKERS for value in worker)
    parts = [Latencies.of(worker) for worker in WORKERS]
    merged = Latencies.merged(parts)
    assert merged.count == whole.count == 9000
    assert merged.percentiles() == whole.percentiles()
    assert merged.encoded() == whole.encoded()
    # What would be wrong: the mean of the workers' percentiles.
    mean = sum(part.percentiles().p50 for part in parts) / 3
    assert abs(mean - whole.percentiles().p50) > 0.2 * whole.percentiles().p50


def test_histograms_survive_files_and_texts_and_add_up_there_too(tmp_path: Path) -> None:
    whole = Latencies.of(value for worker in WORKERS for value in worker)
    assert Latencies.decoded(whole.encoded()).encoded() == whole.encoded()
    paths = []
    for number, worker in enumerate(WORKERS):
        paths.append(tmp_path / f"{number}.hlog")
        Latencies.of(worker).write_log(paths[-1], 1_700_000_000.0009 + number / 7, 10.0)
    read = Latencies.merged(map(read_log, paths))
    assert read.encoded() == whole.encoded()
    found, wanted = read.percentiles(), whole.percentiles()
    assert found.p999 == wanted.p999
    assert found.max == pytest.approx(wanted.max, rel=0.001), "to the histogram's accuracy"
    together = tmp_path / "together.hlog"
    together.write_text("".join(path.read_text() for path in paths))
    assert read_log(together).encoded() == whole.encoded()


def test_what_is_no_histogram_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an encoded"):
        Latencies.decoded("HISTnonsense")
    path = tmp_path / "x.hlog"
    with pytest.raises(UsageError, match=r"x\.hlog cannot be read"):
        read_log(path)
    path.write_text("hello\n")
    with pytest.raises(UsageError, match=r"x\.hlog holds no histogram"):
        read_log(path)
    path.write_text("1.0,1.0,1.0,HISTnonsense\n")
    with pytest.raises(UsageError, match=r"x\.hlog is not a log"):
        read_log(path)


def settings_in(folder: Path) -> LoadSettings:
    return LoadSettings(
        plan=LoadPlan(users=1, warmup=0, seconds=60),
        history=folder,
        contention=None,
        max_orders=10,
        think=spread("0", "--think", "seconds", 1),
        patience=1.0,
        seed=0,
        run="r",
        variant="v",
    )


def test_answers_wait_for_the_next_request_or_until_the_process_waits(
    tmp_path: Path, target: Target
) -> None:
    def completed() -> int:
        return len(list(read_history(recorder.path).of(Completed)))

    asked: list[Callable[[], None]] = []
    recorder = Recorder(settings_in(tmp_path), target, "load", asked.append)
    first, second = (recorder.invoked("u", Action.PAY, "A", {}, None) for _ in range(2))
    assert len(read_history(recorder.path).operations) == 2, "requests are written before they go"
    recorder.unanswered(first, "timed out")
    recorder.unanswered(second, "timed out")
    assert completed() == 0
    third = recorder.invoked("u", Action.PAY, "A", {}, None)
    assert completed() == 2
    recorder.unanswered(third, "timed out")
    (flush,) = asked
    flush()
    assert completed() == 3
    recorder.close()
    assert read_history(recorder.path).complete


def test_a_recorder_leaves_the_latencies_of_its_measured_time(
    tmp_path: Path, target: Target
) -> None:
    settings = settings_in(tmp_path)
    recorder = Recorder(settings, target, "load")
    recorder.order_created("A", 500, "usd")
    for late in (0, 7_000_000_000):
        op = recorder.invoked("user 1", Action.PAY, "A", {}, None, late)
        recorder.answered(op, Action.PAY, 409, {}, b'{"error": {"code": "order_already_paid"}}')
    recorder.unanswered(recorder.invoked("user 1", Action.PAY, "A", {}, None), "timed out")
    recorder.stopped("it was over")
    op = recorder.invoked("user 1", Action.PAY, "A", {}, None)  # under way when it was
    recorder.unanswered(op, "timed out")
    recorder.close()
    found = read_log(recorder.path.with_suffix(LATENCIES))
    assert found.count == 3
    assert found.percentiles().max > 7000, "what was late counts from when it was to come"
    history = read_history(recorder.path)
    assert [o.outcome for o in history.operations] == [Outcome.REJECTED] * 2 + [Outcome.UNKNOWN] * 2
    stop = next(event.t for event in history.events if getattr(event, "text", ""))
    assert summarise(history, 0, stop).histogram == found.encoded()
