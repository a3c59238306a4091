"""Three services that talk as much as real ones do: their race is found, their control proved.

Each attempt makes 60 to 80 statements, most of them an ORM's or a framework's own: settings,
sessions, savepoints, logs, rows of others. What is claimed of the control has to be complete.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from paidonce.harness.cli.main import app
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.history import Effect, read_history

HERE = Path(__file__).parent
WITHIN_S = 180.0
"""For a search of two attempts on two cores."""
MOST = 100
"""Units of an attempt in a race: its 60 to 80 statements, and what a worker does for it besides."""
run = CliRunner()


def checked(name, tmp_path, monkeypatch, *flags):
    """The searches that checking a copy of the service made, by variant, and how many statements
    an attempt makes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = shutil.copytree(HERE / name, tmp_path / name)
    out = tmp_path / "out"
    command = ["check", str(folder / "target.toml"), "--time", "12m", "--faults", "0"]
    said = run.invoke(app, [*command, "--out", str(out), *flags])
    assert said.exit_code == 0, said.output
    results = msgspec.json.decode((out / "results.json").read_bytes())
    found = {cell["variant"]: cell["search"] for cell in results["cells"]}
    return found, statements(out / found["racy"]["witness"])


def statements(witness):
    """How many statements the attempt of a counterexample makes that makes the most."""
    history = read_history(witness.with_name(read_witness(witness).history))
    sent = [event.attempt for _, event in history.of(Effect) if event.tap == "postgres"]
    return max(Counter(one for one in sent if one is not None).values())


def executions(search):
    """How many executions a search made."""
    return search["explored"] + search["pruned"] + search["invalid"]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("django") is None, reason="Django is not installed")
def test_a_shop_in_django(tmp_path, monkeypatch):
    found, most = checked("django_shop", tmp_path, monkeypatch)
    assert 60 <= most <= MOST
    assert found["racy"]["how"] == "counterexample"
    assert found["racy"]["execution"] <= 3
    assert found["locked"]["how"] == "complete"
    assert executions(found["locked"]) <= 20
    assert found["locked"]["seconds"] < WITHIN_S


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="there is no node here"
)
def test_tickets_in_typeorm_by_graphql(tmp_path, monkeypatch):
    packages = subprocess.run(["npm", "ping"], capture_output=True, check=False)
    if packages.returncode:
        pytest.skip("npm reaches no registry")
    found, most = checked("typeorm_tickets", tmp_path, monkeypatch)
    assert 60 <= most <= MOST
    assert found["racy"]["how"] == "counterexample"
    assert found["racy"]["execution"] <= 3
    assert found["locked"]["how"] == "complete"
    assert executions(found["locked"]) <= 40
    assert found["locked"]["seconds"] < WITHIN_S


@pytest.mark.slow
def test_a_shop_with_a_table_of_jobs_beside(tmp_path, monkeypatch):
    found, most = checked("jobs_shop", tmp_path, monkeypatch)
    assert 60 <= most <= MOST
    assert found["racy"]["how"] == "counterexample"
    assert found["racy"]["execution"] <= 3
    assert found["locked"]["how"] == "complete"
    assert executions(found["locked"]) <= 40
    assert found["locked"]["seconds"] < WITHIN_S
