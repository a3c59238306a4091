"""Comparing two load runs: what is noise is no alarm, what is slower is one."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import msgspec
import pytest
from measured_loads import load, run
from typer.testing import CliRunner

from paidonce.harness.cli.main import app
from paidonce.harness.errors import UsageError
from paidonce.harness.load.analyse.comparison import Change, compare
from paidonce.harness.load.analyse.student import quantile, survival
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.harness.verdict import Status
from paidonce.reports.formats.store import encode, write_file
from paidonce.reports.load.repeated import repeated

GUARDS = ("row_lock", "optimistic", "claim", "advisory_lock")
ROUNDS = 8
NOISE = 0.04
"""How far repeated measurements of one guard scatter, relative to the machine's speed."""
DRIFT = 0.4
"""How much faster or slower a shared machine may be at another time."""


def measured(
    chance: random.Random,
    slower: str | None = None,
    by: float = 1.2,
    *,
    drift: float = DRIFT,
    counts: float = 1.0,
) -> Proof:
    """A run on a machine whose speed nobody knows, one guard ``by`` times as slow.

    ``counts`` is how much of the machine's change is one of the guards: of those that only wait for
    others, nothing.
    """
    speed = math.exp(chance.uniform(-drift, drift))
    loads = []
    for number in range(1, ROUNDS + 1):
        for guard in GUARDS:
            now = speed * math.exp(chance.gauss(0, drift / 4))
            rate = 300 * now**counts * math.exp(chance.gauss(0, NOISE))
            loads.append(
                load(guard, number, rate / by if guard == slower else rate, yardstick=4000 * now)
            )
    return run(loads)


@pytest.mark.parametrize(
    "counts",
    [pytest.param(0.0, marks=pytest.mark.slow), 0.5, pytest.param(1.0, marks=pytest.mark.slow)],
)
def test_a_run_compared_with_itself_repeated_gives_no_alarm(counts: float) -> None:
    chance = random.Random(1)
    for _ in range(50):
        before, after = measured(chance, counts=counts), measured(chance, counts=counts)
        assert compare(before, after).slower == ()


@pytest.mark.parametrize(
    ("drift", "least"),
    [
        pytest.param(0.02, 49, id="on a machine that stays as it is"),
        # Where the second run had the faster machine, it may be that alone.
        pytest.param(DRIFT, 40, id="on one that does not"),
    ],
)
def test_a_guard_that_takes_a_fifth_longer_is_caught_and_no_other(drift: float, least: int) -> None:
    chance = random.Random(2)
    caught = 0
    for number in range(50):
        guard = GUARDS[number % len(GUARDS)]
        before = measured(chance, drift=drift)
        slower = compare(before, measured(chance, slower=guard, drift=drift)).slower
        assert {figure.variant for figure in slower} <= {guard}
        caught += bool(slower)
    assert caught >= least


def test_a_small_difference_however_certain_is_none_that_matters() -> None:
    before = run([load("claim", n, 300 + n / 100) for n in range(1, 6)])
    after = run([load("claim", n, 297 + n / 100) for n in range(1, 6)])
    figures = compare(before, after).figures
    assert {figure.change for figure in figures} == {Change.SAME}
    assert all(figure.p < 0.001 for figure in figures)


def test_what_scatters_widely_is_unclear_and_no_alarm() -> None:
    rates = (100, 300, 200, 500, 150)
    before = run([load("claim", n, rate) for n, rate in enumerate(rates, 1)])
    after = run([load("claim", n, rate * 0.8) for n, rate in enumerate(rates, 1)])
    found = compare(before, after)
    assert {figure.change for figure in found.figures} == {Change.UNCLEAR}
    assert found.slower == ()


def test_a_slower_machine_is_taken_out_where_the_guard_is_seen_to_follow_it() -> None:
    def at(speed: float) -> list[Load]:
        rates = [(n, speed * (1 + n / 10)) for n in range(1, 6)]
        return [load("claim", n, 300 * now, yardstick=4000 * now) for n, now in rates]

    found = compare(run(at(1)), run(at(0.5)))
    assert found.relative
    assert {figure.change for figure in found.figures} == {Change.SAME}


def test_a_slower_machine_may_be_all_of_it_where_nothing_shows_how_much_it_counts() -> None:
    before = run([load("claim", n, 300 + n, yardstick=4000) for n in range(1, 6)])
    after = [load("claim", n, 150 + n / 2, yardstick=2000) for n in range(1, 6)]
    figures = compare(before, run(after)).figures
    assert {figure.change for figure in figures} == {Change.UNCLEAR}
    assert all(figure.low < 1.01 and figure.high > 1.99 for figure in figures)
    bare = run([msgspec.structs.replace(one, yardstick=None) for one in after])
    found = compare(before, bare)
    assert not found.relative
    assert {figure.change for figure in found.figures} == {Change.SLOWER}


def test_faster_is_said_and_guards_of_one_run_alone_are_named() -> None:
    before = run([load("claim", n, 300 + n) for n in range(1, 6)])
    after = run(
        [load("claim", n, 450 + n) for n in range(1, 6)]
        + [load("row_lock", n, 450 + n) for n in range(1, 6)]
    )
    found = compare(before, after)
    assert {figure.change for figure in found.figures} == {Change.FASTER}
    assert found.alone == ("row_lock (many)",)


@pytest.mark.parametrize(
    ("before", "after", "how", "message"),
    [
        (run([load("claim", 1, 300)]), run([]), {}, "was measured 1 time"),
        (
            run([load("claim", n, 300) for n in range(3)]),
            run([load("none", n, 300) for n in range(3)]),
            {},
            "nothing in common",
        ),
        (run([]), run([]), {}, "the first has no load"),
        (run([]), run([]), {"threshold": -1.0}, "--threshold"),
        (run([]), run([]), {"certainty": 1.0}, "--certainty"),
    ],
)
def test_what_cannot_be_compared_is_said(
    before: Proof, after: Proof, how: dict[str, float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        compare(before, after, **how)


def test_the_command_is_red_for_a_slower_guard_alone(tmp_path: Path) -> None:
    chance = random.Random(3)
    for name, proof in (
        ("a", measured(chance)),
        ("b", measured(chance)),
        ("c", measured(chance, slower="claim", by=1.5)),
    ):
        write_file(tmp_path / name / "results.json", encode(proof))
    table, figures = tmp_path / "table.md", tmp_path / "figures.json"
    same = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert same.exit_code == 0, same.output
    assert "no guard is slower by more than 5% beyond doubt" in same.output
    slower = CliRunner().invoke(
        app,
        [
            "compare",
            str(tmp_path / "a"),
            str(tmp_path / "c"),
            "--markdown",
            str(table),
            "--json",
            str(figures),
        ],
    )
    assert slower.exit_code == 1, slower.output
    assert "slower by more than 5%: claim" in slower.output
    assert table.read_text().count("**slower**") == 2
    assert len(json.loads(figures.read_text())["figures"]) == 2 * len(GUARDS)
    missing = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "none")])
    assert missing.exit_code == 2


def test_repeated_measurements_are_shown_by_their_median_and_the_worst_verdict() -> None:
    loads = [load("claim", n, rate) for n, rate in ((1, 300), (2, 100), (3, 200))]
    loads[1] = msgspec.structs.replace(loads[1], status=Status.INVALID)
    (one,) = repeated([*loads])
    assert one.load.throughput == 200
    assert one.load.status is Status.INVALID
    assert one.load.history == "claim/2.jsonl"
    assert one.load.deadlocks == 3
    assert one.spread(lambda found: found.throughput) == (100, 300)
    (single,) = repeated(loads[:1])
    assert single.load == loads[0]
    assert single.spread(lambda found: found.throughput) is None


@pytest.mark.parametrize(
    ("p", "freedom", "t"),
    [
        (0.975, 1, 12.706),
        (0.95, 5, 2.015),
        (0.995, 8, 3.355),
        (0.9995, 14, 4.14),
        (0.975, 120, 1.98),
    ],
)
def test_quantiles_are_those_of_the_tables(p: float, freedom: float, t: float) -> None:
    """Abramowitz & Stegun, table 26.10."""
    assert quantile(p, freedom) == pytest.approx(t, abs=6e-4)
    assert quantile(1 - p, freedom) == pytest.approx(-t, abs=6e-4)
    assert survival(quantile(p, freedom), freedom) == pytest.approx(1 - p, rel=1e-9)
