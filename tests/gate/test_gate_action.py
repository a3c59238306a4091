"""``action.yml``: well formed, its inputs used and declared, its shell run by a real shell."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from gate_shop import PAIDONCE, shop_in

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step.get("name", step.get("uses")): step for step in ACTION["runs"]["steps"]}


def test_it_is_a_composite_action_with_a_description_for_every_input():
    assert ACTION["runs"]["using"] == "composite"
    assert ACTION["name"]
    assert ACTION["description"]
    for name, told in ACTION["inputs"].items():
        assert told["description"], name
        assert told.get("required") or isinstance(told["default"], str), name


def conforms(path, schema):
    """Check a file by a schema that check-jsonschema brings along, as SchemaStore has it."""
    run = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_it_conforms_to_the_schema_of_actions():
    conforms(ROOT / "action.yml", "vendor.github-actions")


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        (".github/workflows/races.yml", "vendor.github-workflows"),
        (".gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_what_the_docs_say_to_copy_conforms_to_its_schema(tmp_path, name, schema):
    text = (ROOT / "docs" / "ci.md").read_text()
    found = re.search(rf"```yaml\n(# {re.escape(name)}\n.*?)```", text, re.DOTALL)
    assert found is not None
    path = tmp_path / Path(name).name
    path.write_text(found.group(1))
    conforms(path, schema)
    for job in (yaml.safe_load(found.group(1)).get("jobs") or {}).values():
        ours = [step for step in job["steps"] if "paidonce" in step["uses"]]
        assert ours
        assert all(set(step["with"]) <= set(ACTION["inputs"]) for step in ours)


def test_inputs_are_declared_and_used():
    text = (ROOT / "action.yml").read_text()
    used = set(re.findall(r"inputs\.([a-z-]+)", text))
    assert used == set(ACTION["inputs"])


def test_every_step_says_its_shell_or_what_it_uses():
    for name, step in STEPS.items():
        assert ("run" in step) is not ("uses" in step), name
        assert "run" not in step or step["shell"] == "bash", name
        # What a person may write goes into a script by its environment only.
        assert "${{" not in step.get("run", ""), name
    scripts = [step["run"] for step in STEPS.values() if "run" in step]
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def ran(folder, program, **inputs):
    """The step that checks, with ``program`` in the place of the installed command."""
    tool = folder / "runner" / "paidonce" / "bin" / "paidonce"
    tool.parent.mkdir(parents=True)
    tool.write_text(f"#!/bin/sh\n{program}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    output = folder / "output"
    output.touch()
    defaults = {name: told.get("default", "") for name, told in ACTION["inputs"].items()}
    env = {
        key: (defaults | inputs)[re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value).group(1)]
        for key, value in STEPS["Check"]["env"].items()
    }
    run = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", STEPS["Check"]["run"]],
        cwd=folder,
        env={**os.environ, **env, "RUNNER_TEMP": str(folder / "runner"),
             "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    return run, output.read_text()


@pytest.mark.parametrize(
    ("code", "unknown", "expected"),
    [(0, "warn", 0), (1, "warn", 1), (2, "warn", 2), (3, "warn", 0), (3, "fail", 3)],
)
def test_what_an_exit_code_does_to_the_build(tmp_path, code, unknown, expected):
    run, output = ran(tmp_path, f"exit {code}", target="t.toml", unknown=unknown)
    assert run.returncode == expected
    assert output == f"exit-code={code}\n"
    assert ("::warning" in run.stdout) is (code == 3 and unknown == "warn")


def test_arguments_arrive_as_they_were_meant(tmp_path):
    run, _ = ran(
        tmp_path,
        'printf "%s\\n" "$@"',
        target="my shop/target.toml",
        variant="a b",
        args="--jobs 1 --seed 3",
    )
    assert run.stdout.splitlines() == [
        *("check", "my shop/target.toml", "--time", "5m", "--out", "paidonce-report/ci"),
        *("--variant", "a b", "--jobs", "1", "--seed", "3"),
    ]


@pytest.mark.slow
def test_a_real_check_by_the_action(tmp_path):
    shop_in(tmp_path)
    command = " ".join([*PAIDONCE, '"$@"'])
    run, output = ran(tmp_path, command, target="target.toml", time="20s")
    assert run.returncode == 0, run.stdout + run.stderr
    assert output == "exit-code=0\n"
    assert (tmp_path / "paidonce-report" / "ci" / "comment.md").exists()
