"""``paidonce load`` with a target file, as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli_errors import asked, one_message
from test_cli_predict import SHOP, paidonce

from paidonce.harness.targets.load import FixLoad

QUICKLY = ("--seconds", "1", "--users", "2", "--out", "told")


def costs(folder: Path) -> dict:
    """What was measured, each way by its name."""
    return {
        way["name"]: way for way in json.loads((folder / "told/costs.json").read_text())["ways"]
    }


def test_a_target_is_played_as_it_is_and_a_sound_variant_holds(tmp_path):
    run = paidonce("load", SHOP, "--variant", "locked", "--bursts", "2", *QUICKLY, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    ways = costs(tmp_path)
    assert list(ways) == ["as it is", "without taps"]
    for way in ways.values():
        (one,) = way["runs"]
        assert (one["bursts"], one["broken"]) == (2, 0)
        assert all(each["paid"] == each["orders"] > 0 for each in one["played"].values())
    assert (tmp_path / "told/costs.svg").exists()


def test_a_variant_declared_sound_that_breaks_is_told_by_the_exit_code(tmp_path):
    text = SHOP.read_text().replace('GUARD = "lock"', 'GUARD = "none"')
    for file in SHOP.parent.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "target.toml").write_text(text)
    words = ("--variant", "locked", "--bursts", "5", "--stripe-latency", "20", *QUICKLY)
    run = paidonce("load", "target.toml", *words, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert costs(tmp_path)["as it is"]["runs"][0]["broken"] > 0


def test_what_was_measured_before_it_was_interrupted_is_written(tmp_path, monkeypatch):
    measured = FixLoad._measured

    async def interrupted(load, way, number):
        if way.name == "without taps":
            raise KeyboardInterrupt
        return await measured(load, way, number)

    monkeypatch.setattr(FixLoad, "_measured", interrupted)
    run = paidonce("load", SHOP, "--variant", "locked", "--bursts", "1", *QUICKLY, cwd=tmp_path)
    assert run.returncode == 130, run.stdout + run.stderr
    ways = costs(tmp_path)
    assert [len(way["runs"]) for way in ways.values()] == [1, 0]
    assert "it was interrupted" in run.stdout


@pytest.mark.slow
def test_each_fix_is_measured_beside_what_it_is_a_fix_of(tmp_path):
    words = ("--variant", "racy", "--try", "--bursts", "5", "--stripe-latency", "20", *QUICKLY)
    run = paidonce("load", SHOP, *words, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    ways = costs(tmp_path)
    assert ways["as it is"]["runs"][0]["broken"] > 0
    for name in ("FOR UPDATE", "advisory lock"):
        (one,) = ways[name]["runs"]
        assert one["broken"] == 0
        assert one["played"]["all at once"]["paid"] > 0
        assert not one["never_came"]
    assert ways["idempotency key"]["runs"][0]["broken"] > 0, "it closes a part"
    assert "claim: cannot be tried from outside" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("two_tabs",), "expected a target file (.toml), got 'two_tabs'"),
        (("shop.toml", "--profile", "hot"), "--profile: is for load on guards"),
        (("shop.toml", "--variant", "a", "--variant", "b"), "one variant of a target"),
        (("--try",), "--try: name the target file to put under load"),
        (("--bursts", "3"), "--bursts: name the target file to put under load"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, arguments, expected):
    (tmp_path / "shop.toml").write_text(SHOP.read_text())
    assert expected in one_message(asked("load", *arguments, cwd=tmp_path))
