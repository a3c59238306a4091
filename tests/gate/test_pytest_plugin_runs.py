"""The plugin on a real service: explored, played in bursts, replayed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from gate_shop import forgetful_shop_in, shop_in, without_servers

pytest_plugins = "pytester"

RUN_S = 300
_LOCKED = """
import pytest

@pytest.mark.paidonce(target="target.toml", variant="locked")
def test_paid_once():
    pass
"""


def run_in(pytester, *arguments, source, shop=shop_in, **environment):
    """pytest as a person starts it, with the servers of this test run."""
    pytester.makepyfile(test_shop=source)
    shop(pytester.path)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=pytester.path,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )


def test_a_service_that_is_sound_is_green_and_leaves_nothing(pytester):
    run = run_in(pytester, source=_LOCKED)
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout
    assert not (pytester.path / "paidonce-report").exists()


_RACY = """
import pytest

@pytest.mark.paidonce(variant="racy", attempts=2, budget="60s")
def test_paid_once():
    raise AssertionError("the body is not to run")
"""


def test_a_race_is_red_and_the_last_line_replays_it(pytester):
    run = run_in(pytester, "--paidonce-target", "target.toml", "--junitxml=junit.xml", source=_RACY)
    assert run.returncode == 1, run.stdout
    lines = run.stdout.splitlines()
    assert "E     invariants: one charge at most: charges <= 1, but charges = 2" in lines
    assert any(line.startswith("    2  tab 1  SELECT amount, status FROM orders") for line in lines)
    assert sum(" stripe: payment_intent.create -> 200 pi_" in line for line in lines) == 2
    place = lines.index("test_shop.py:3: RaceFound")
    command = lines[place + 1].removeprefix("replay it: ").split()
    assert command[:2] == ["paidonce", "replay"]
    assert lines[place + 2].startswith("---")  # what pytest says of the report
    summary = "FAILED test_shop.py::test_paid_once - RaceFound: one charge at most: charges <= "
    assert any(line.startswith(summary) for line in lines)
    assert "harness/" not in run.stdout  # no frames of ours
    assert 'name="paidonce" value="invalid: a race' in (pytester.path / "junit.xml").read_text()

    again = subprocess.run(
        [sys.executable, "-m", "paidonce.harness.cli", *command[1:]],
        cwd=pytester.path,
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )
    assert again.returncode == 1, again.stdout + again.stderr
    assert "1 of 1 replays showed what the witness shows" in again.stdout


_EXPECTED = """
import pytest
from paidonce.harness.pytest_plugin import RaceFound

@pytest.mark.paidonce(target="target.toml", variant="racy", expect="invalid")
def test_the_race_is_there(paidonce_result):
    assert paidonce_result.invalid
    assert paidonce_result.witness.is_file()
    assert paidonce_result.attempts == 2

@pytest.mark.xfail(raises=RaceFound, strict=True)
@pytest.mark.paidonce(target="target.toml", variant="racy")
def test_known_race():
    pass
"""


@pytest.mark.slow
def test_a_race_that_is_expected(pytester):
    run = run_in(pytester, source=_EXPECTED)
    assert run.returncode == 0, run.stdout
    assert "1 passed, 1 xfailed" in run.stdout


_SMALL_BUDGET = """
def test_handle(paidonce_target):
    result = paidonce_target.explore(variant="locked", budget=1)
    assert result.unknown, result.explanation
    assert "the budget of 1" in result.how

import pytest

@pytest.mark.paidonce(variant="locked", budget=1)
def test_open():
    pass
"""


@pytest.mark.slow
def test_what_is_not_decided_is_skipped_and_listed(pytester):
    run = run_in(pytester, "--paidonce-target=target.toml", source=_SMALL_BUDGET)
    assert run.returncode == 0, run.stdout
    assert "1 passed, 1 skipped" in run.stdout
    assert "paidonce: not decided" in run.stdout
    assert "test_shop.py::test_open: unknown: not complete: the budget of 1" in run.stdout


@pytest.mark.slow
def test_what_is_not_decided_is_red_where_that_is_wanted(pytester):
    strict = run_in(
        pytester,
        "--paidonce-target=target.toml",
        "--paidonce-unknown=fail",
        "-k",
        "open",
        source=_SMALL_BUDGET,
    )
    assert strict.returncode == 1
    assert "NotDecided: not decided: not complete" in strict.stdout


_BURSTS = """
import pytest

@pytest.mark.paidonce(variant="locked", mode="burst", attempts=5, budget=3)
def test_crowd():
    pass

def test_racy_crowd(paidonce_target):
    result = paidonce_target.burst(variant="racy", attempts=4, budget=3)
    assert result.invalid, result.explanation
    assert "bursts broke; a race, found in execution" in result.how
    assert result.witness.is_file()
"""


@pytest.mark.slow
def test_bursts(pytester):
    run = run_in(pytester, "--paidonce-target=target.toml", source=_BURSTS)
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout


@pytest.mark.slow
def test_what_only_bursts_show_is_red(pytester):
    run = run_in(
        pytester,
        "--paidonce-target=target.toml",
        source=_BURSTS.split("def test_racy_crowd")[0].replace("locked", "racy"),
        shop=forgetful_shop_in,
    )
    assert run.returncode == 1, run.stdout
    assert "1 failed" in run.stdout
    assert "bursts, and no witness was found that shows it again" in run.stdout


@pytest.mark.slow
def test_a_witness_is_a_regression_test(pytester, tmp_path):
    found = run_in(
        pytester, "--paidonce-target", "target.toml", f"--paidonce-out={tmp_path}", source=_RACY
    )
    assert found.returncode == 1
    kept = pytester.path / "tests" / "witnesses"
    kept.mkdir(parents=True)
    for path in tmp_path.glob("*/racy-small-shop.*"):
        shutil.copy(path, kept)
    pytester.makeini(
        "[pytest]\ntestpaths = tests\npaidonce_witnesses = tests/witnesses\n"
        "paidonce_target = target.toml\n"
    )
    red = run_in(pytester, source=_RACY)
    assert red.returncode == 1, red.stdout
    assert "the race of the witness is still there" in red.stdout
    assert "replay it: paidonce replay tests/witnesses/racy-small-shop.witness.json" in red.stdout
    green = run_in(pytester, "--paidonce-variant=locked", source=_RACY)
    assert green.returncode == 0, green.stdout
    assert "1 passed" in green.stdout


def on_two_workers(pytester):
    """A run that passes, on servers of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2"],
        cwd=pytester.path,
        env=without_servers(),
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run


_MANY = """
import os
import pytest

@pytest.mark.parametrize("number", range(4))
@pytest.mark.paidonce(target="target.toml", variant="locked")
def test_paid_once(number, paidonce_result):
    with open(f"server-{os.environ['PYTEST_XDIST_WORKER']}.txt", "a") as file:
        file.write(os.environ["PAIDONCE_POSTGRES_URL"] + "\\n")
"""


@pytest.mark.slow
def test_workers_share_servers_and_stop_them(pytester):
    pytester.makepyfile(test_shop=_MANY)
    shop_in(pytester.path)
    run = on_two_workers(pytester)
    assert "4 passed" in run.stdout
    files = list(pytester.path.glob("server-gw*.txt"))
    assert len(files) == 2
    urls = {line for file in files for line in file.read_text().splitlines()}
    assert len(urls) == 1
    import psycopg

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(urls.pop(), connect_timeout=2)


_BUILT = """
import pytest

@pytest.mark.parametrize("number", range(4))
@pytest.mark.paidonce(target="target.toml", variant="locked")
def test_paid_once(number):
    pass
"""


@pytest.mark.slow
def test_a_service_is_built_once_for_all_workers(pytester):
    path = shop_in(pytester.path)
    build = """build = [["{python}", "-c", "print('built', file=open('built.txt', 'a'))"]]\n"""
    path.write_text(path.read_text().replace('title = "A', f'{build}title = "A', 1))
    pytester.makepyfile(test_shop=_BUILT)
    on_two_workers(pytester)
    assert (pytester.path / "built.txt").read_text() == "built\n"
