"""Files that nobody writes by hand: each ends in one message and exit code 2."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paidonce.harness import bounded
from paidonce.harness.cli.main import app

TESTS = Path(__file__).parents[1]
DEPTH = 100_000
DEEP_JSON = '{"format":' * DEPTH + "1" + "}" * DEPTH
DEEP_TOML = "a = " + "[" * DEPTH + "]" * DEPTH
WITNESS = '{"format":1,"steps":' + "[" * DEPTH + "]" * DEPTH + "}"


def said(*words):
    left = CliRunner().invoke(app, [str(word) for word in words])
    text = left.output
    assert left.exit_code == 2, text
    assert "Traceback" not in text
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("w.witness.json", DEEP_JSON, ("replay",)),
        ("w.witness.json", WITNESS, ("replay",)),
        ("w.witness.json", DEEP_JSON, ("export", "--format", "text")),
        ("results.json", DEEP_JSON, ("report",)),
        ("target.toml", DEEP_TOML, ("check",)),
    ],
    ids=["header", "steps", "export", "results", "target"],
)
def test_what_is_nested_without_end_is_told_in_one_message(tmp_path, name, text, command):
    path = tmp_path / name
    path.write_text(text)
    told = said(*command, path)
    assert name in told
    assert len(told) < 600


def test_a_file_without_end_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_BYTES", 2**20)
    path = tmp_path / "target.toml"
    path.write_text("# " + "a" * 2**20)
    assert "has more than 1 MiB" in said("check", path)


def changed(path, place, value):
    """What is in a file, with another value at a place of it."""
    document = json.loads(path.read_text())
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return json.dumps(document)


def test_old_results_of_another_shape_are_told_in_one_message(tmp_path):
    path = tmp_path / "results.json"
    place = ("cells", 0, "runs", 0, "verdicts", 0, "details")
    path.write_text(changed(TESTS / "fixtures/format1/matrix/results.json", place, [[1]]))
    assert "it is not of format 1" in said("report", path)


@pytest.mark.parametrize("form", ["text", "mermaid"])
def test_a_step_of_nobody_known_is_refused(tmp_path, form):
    path = tmp_path / "none-two_tabs.witness.json"
    path.write_text(changed(TESTS / "reports/witnesses" / path.name, ("steps", 1, "actor"), "who"))
    shutil.copy(TESTS / "reports/witnesses/none-two_tabs.jsonl", tmp_path)
    left = CliRunner().invoke(app, ["export", str(path), "--format", form])
    assert left.exit_code == 2
    assert "step 2 is made by 'who', which is none of its attempts" in left.output
