"""The regression test that is exported, and the replay it is made of."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys

import pytest
from narratives import witness

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.exploration import SearchRequest, explore, opened, save
from paidonce.harness.explore.regression import Replay, replay_witness, scenario_of, shared_choice
from paidonce.harness.explore.search import Divergence
from paidonce.harness.explore.witness.export import pytest_test
from paidonce.harness.explore.witness.file import read_witness, write_witness
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import open_stack
from paidonce.harness.verdict import Broken, Status
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

BROKEN = [("one-charge", 'charged "twice" by """ \\ and\nmore' + " words" * 30)]


def module_of(found, name="w.json"):
    return ast.parse(pytest_test(found, name))


def test_the_module_has_one_test_and_names_witness_variant_and_scenario():
    tree = module_of(witness(("tab 1", "start"), broken=BROKEN), "a 'b' \"c\".witness.json")
    (test,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert test.name == "test_two_tabs_none"
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {"a 'b' \"c\".witness.json", "none", "two_tabs"} <= texts


def test_the_docstring_says_what_was_broken_whatever_that_is():
    said = ast.get_docstring(module_of(witness(("tab 1", "start"), broken=BROKEN)))
    assert "one-charge: charged \"twice\" by ''' / and more words" in said
    assert max(len(line) for line in said.splitlines()) <= 88


def test_the_module_is_as_ruff_would_have_it(tmp_path):
    (tmp_path / "test_it.py").write_text(pytest_test(witness(("tab 1", "start")), "w.json"))
    for command in (["check", "--select", "E,F,I,UP,PT"], ["format", "--check", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "test_it.py"]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def replayed(status, **more):
    return Replay(path="w 1.json", variant="none", status=status, steps=(), **more)


def test_an_explanation_says_what_broke_and_how_to_look_again():
    broken = (Broken(checker="one-charge", reason="charged 2 times"),)
    departure = Divergence(step=3, expected="this", found="that")
    said = replayed(Status.INVALID, broken=broken, departure=departure).explanation
    assert said.startswith("the race is still there\n  one-charge: charged 2 times\n")
    assert "at step 3: expected this, found that" in said
    assert "paidonce replay 'w 1.json' --guard none" in said


@pytest.mark.parametrize(
    ("status", "gone"), [(Status.VALID, True), (Status.INVALID, False), (Status.UNKNOWN, False)]
)
def test_only_what_was_found_valid_is_gone(status, gone):
    assert replayed(status, broken=()).gone is gone


def test_a_witness_of_something_else_is_refused():
    found = witness(("tab 1", "start"))
    with pytest.raises(UsageError, match="of the scenario 'two_tabs', not 'pay_vs_cancel'"):
        scenario_of(found, TARGET, scenario("pay_vs_cancel"))
    assert scenario_of(found, TARGET, scenario("two_tabs")).name == "two_tabs"
    many = witness(("tab 1", "start"), attempts=("tab 1", "tab 2", "tab 3"))
    assert len(scenario_of(many, TARGET, scenario("two_tabs")).attempts) == 3


def test_the_servers_of_the_test_run_are_used(monkeypatch):
    monkeypatch.setenv("PAIDONCE_POSTGRES_URL", "postgresql://x/y")
    monkeypatch.delenv("PAIDONCE_REDIS_URL", raising=False)
    choice = shared_choice()
    assert (choice.postgres, choice.redis) == ("postgresql://x/y", "embedded")


# --- on the real service ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counterexample(tmp_path_factory):
    """The witness of a race of the unprotected service."""
    story = scenario("two_tabs")

    async def find():
        async with (
            open_stack(Described(TARGET), shared_choice()) as stack,
            opened(stack, story, "none", 1) as worlds,
        ):
            return await explore(worlds, SearchRequest(scenario=story, variant="none"))

    explored = asyncio.run(asyncio.wait_for(find(), 120))
    return save(explored, tmp_path_factory.mktemp("race"))


def run_pytest(file):
    """As a user would, in a folder of its own, on the servers of this test run."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file.name]
    return subprocess.run(
        [*command, "--rootdir", str(file.parent)],
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.slow
def test_the_exported_test_is_red_while_the_race_is_there_and_green_without(
    counterexample, tmp_path
):
    found = read_witness(counterexample)
    write_witness(found, tmp_path / "w.json")
    file = tmp_path / "test_race.py"
    file.write_text(pytest_test(found, "w.json"))
    red = run_pytest(file)
    assert red.returncode == 1, red.stdout + red.stderr
    assert "the race is still there" in red.stdout
    assert "one-charge: order 1 was charged 2 times" in red.stdout
    assert f"paidonce replay {tmp_path / 'w.json'} --guard none" in red.stdout
    file.write_text(file.read_text().replace('VARIANT = "none"', 'VARIANT = "claim"'))
    green = run_pytest(file)
    assert green.returncode == 0, green.stdout + green.stderr
    assert "1 passed" in green.stdout


def test_a_service_that_was_repaired_goes_another_way_and_is_followed_to_the_end(counterexample):
    replay = replay_witness(
        counterexample, target=TARGET, scenario=scenario("two_tabs"), variant="row_lock"
    )
    assert replay.gone, replay.explanation
    assert replay.departure is not None
    assert any(step.blocked for step in replay.steps), "the race was met: somebody had to wait"


def test_an_unknown_variant_is_refused_before_anything_starts(tmp_path):
    write_witness(witness(("tab 1", "start")), tmp_path / "w.json")
    with pytest.raises(UsageError, match="unknown guard 'nonsense'"):
        replay_witness(
            tmp_path / "w.json",
            target=TARGET,
            scenario=scenario("two_tabs"),
            variant="nonsense",
        )
