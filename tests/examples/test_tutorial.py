"""The tutorial, followed literally in a folder of its own: every command, in one shell."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from paidonce.harness.process.child import Child

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
NOT_COPIED = ("." + "*", "env", "node_modules", "__pycache__", "paidonce-report", "target", "bin")
DEADLINE_S = 600


def commands():
    """What stands behind a prompt, here documents included."""
    found, ends = [], None
    for block in re.findall(r"```console\n(.*?)```", TUTORIAL.read_text(), re.DOTALL):
        for line in block.splitlines():
            if ends is not None:
                found[-1] += f"\n{line}"
                ends = None if line == ends else ends
            elif line.startswith("$ "):
                found.append(line[2:])
                ends = "EOF" if "<<'EOF'" in line else None
    assert ends is None
    return found


def test_its_commands_are_those_of_a_reader():
    said = commands()
    assert said[0] == "python3 -m venv env"
    assert sum(command.startswith("paidonce check") for command in said) == 2
    assert sum("<<'EOF'" in command for command in said) == 2


@pytest.mark.slow
def test_from_an_install_to_red_and_green(tmp_path):
    lacking = [tool for tool in ("bash", "node", "npm") if shutil.which(tool) is None]
    if lacking:
        pytest.skip(f"the tutorial needs {' and '.join(lacking)}, which is not on this machine")
    shutil.copytree(ROOT, tmp_path / "paidonce", ignore=shutil.ignore_patterns(*NOT_COPIED))
    script = "\n".join(commands())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PAIDONCE_")}
    began = time.monotonic()
    with Child("tutorial", ["bash", "-c", script], cwd=tmp_path, env=environment) as shell:
        code = shell.wait(DEADLINE_S)
        output = shell.output
    if re.search(r"Could not find a version|No matching distribution|ENOTFOUND", output):
        pytest.skip(f"packages are out of reach: {output[-500:]}")
    assert code == 0, output
    told = [
        "counterexample in execution 1",
        "predicted from each attempt alone",
        "confirmed",
        "\n1\n",  # the exit code of a red check
        "payment_status=unpaid",
        "10 of 10 replays",
        "complete: no counterexample",
        "\n0\n",  # of a green one
        "1 passed",
    ]
    at = 0
    for words in told:
        assert words in output[at:], f"{words!r} is not in what comes after:\n{output[:at]}"
        at = output.index(words, at)
    assert time.monotonic() - began < DEADLINE_S
