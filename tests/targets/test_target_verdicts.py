"""Whoever asks, the verdict of a target is the same: each command, with one lane and with two."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.search_request import request_for

SHOP = Path(__file__).parent / "shop" / "target.toml"
VERDICTS = {"racy": 1, "locked": 0}


def test_a_file_says_what_is_asked_of_a_search(tmp_path):
    loaded = load_target(SHOP)
    request = request_for(script_of(loaded), "racy")
    explore = loaded.file.explore
    assert (request.watch, request.noise) == (explore.watch_s, explore.noise)
    assert request.shrink is not None
    assert request.first == ()


def _command(*argv: str) -> int:
    command = [sys.executable, "-m", "paidonce.harness.cli", *argv]
    return subprocess.run(command, check=False, capture_output=True, timeout=300).returncode


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("variant", VERDICTS)
def test_every_command_comes_to_the_same_verdict(tmp_path, variant, jobs):
    common = [str(SHOP), "--variant", variant, "--jobs", jobs]
    verdicts = {
        "explore": _command("explore", *common, "--out", str(tmp_path / "explore")),
        "predict": _command("predict", *common, "--explore", "--out", str(tmp_path / "predict")),
    }
    # With a variant named, a check expects it to hold.
    verdicts["check"] = _command("check", *common, "--out", str(tmp_path / "check"))
    assert set(verdicts.values()) == {VERDICTS[variant]}, verdicts
