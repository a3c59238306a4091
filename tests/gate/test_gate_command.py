"""``paidonce check`` as a CI system runs it, on a real service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from xml.etree import ElementTree as ET

import pytest
from gate_shop import PAIDONCE, forgetful_shop_in, shop_in

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker

RUN_S = 300


def started(folder, *arguments, **environment):
    quiet = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": "", "GITHUB_WORKSPACE": ""}
    servers = []
    if POSTGRES_VARIABLE in os.environ and REDIS_VARIABLE in os.environ:
        servers += ["--postgres", os.environ[POSTGRES_VARIABLE]]
        servers += ["--redis", redis_url_of_worker(os.environ[REDIS_VARIABLE])]
    return subprocess.Popen(
        [*PAIDONCE, "check", "target.toml", "--faults", "0", *servers, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **quiet, **environment},
    )


def check(folder, *arguments, **environment):
    with started(folder, *arguments, **environment) as process:
        try:
            output, errors = process.communicate(timeout=RUN_S)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def test_a_red_build_on_github(tmp_path):
    folder = tmp_path / "repository" / "shop"
    folder.mkdir(parents=True)
    shop_in(folder)
    summary = tmp_path / "summary.md"
    summary.write_text("what an earlier step wrote\n")
    run = check(
        folder,
        "--variant=racy",
        "--time=90s",
        "--out=out",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_WORKSPACE=str(tmp_path / "repository"),
    )
    assert run.returncode == 1, run.stdout + run.stderr
    replay = "paidonce replay shop/out/witnesses/racy-small-shop.witness.json"
    line = (folder / "target.toml").read_text().splitlines().index('name = "one charge at most"')
    assert (
        f"::error file=shop/target.toml,line={line + 1},title=paidonce%3A racy/one charge at most"
        f"::one charge at most: charges <= 1, but charges = 2%0Areplay it: {replay}"
    ) in run.stdout.splitlines()
    told = summary.read_text()
    assert told.startswith("what an earlier step wrote\n<!-- paidonce small-shop -->")
    assert "```mermaid\nsequenceDiagram" in told
    assert told.endswith((folder / "out" / "comment.md").read_text() + "\n")
    log = json.loads((folder / "out" / "paidonce.sarif").read_text())
    assert {one["ruleId"] for one in log["runs"][0]["results"]} == {
        "invariant/one charge at most",
        "successes",
    }
    for name in ("junit.xml", "report.html", "results.json", "witnesses"):
        assert (folder / "out" / name).exists()


@pytest.mark.slow
def test_a_baseline_is_written_given_reasons_and_then_green(tmp_path):
    shop_in(tmp_path)
    written = check(tmp_path, "--variant=racy", "--time=90s", "--write-baseline")
    assert written.returncode == 0, written.stdout + written.stderr
    assert "2 new findings written to paidonce-baseline.toml" in written.stdout
    path = tmp_path / "paidonce-baseline.toml"

    unfinished = check(tmp_path, "--variant=racy", "--baseline", path)
    assert unfinished.returncode == 2
    assert "[[accepted]] 1, reason: say why" in " ".join(unfinished.stderr.split())

    path.write_text(path.read_text().replace('reason = ""', 'reason = "known"'))
    green = check(tmp_path, "--variant=racy", "--time=90s", "--baseline", path)
    assert green.returncode == 0, green.stdout + green.stderr
    assert "accepted: racy/one charge at most: " in green.stdout
    fixed = check(tmp_path, "--variant=locked", "--time=90s", "--baseline", path)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    locked = 'finding = "locked/successes"\nreason = "x"\nexpires = 2999-01-01\n'
    path.write_text(f'target = "small-shop"\n[[accepted]]\n{locked}')
    stale = check(tmp_path, "--variant=locked", "--time=90s", "--baseline", path)
    assert "'locked/successes' is not found any more, by a complete search" in stale.stdout


def test_what_is_wrong_with_a_baseline_is_said_before_anything_runs(tmp_path):
    shop_in(tmp_path)
    (tmp_path / "base.toml").write_text(
        'target = "small-shop"\n[[accepted]]\nfinding = "racy/one charge"\n'
        'reason = "known"\nexpires = 2999-01-01\n'
    )
    run = check(tmp_path, "--baseline", "base.toml")
    assert run.returncode == 2
    said = " ".join(run.stderr.split())
    assert "base.toml, [[accepted]] 1, finding: the target has no 'racy/one charge'" in said
    assert "did you mean 'racy/one charge at most'?" in said
    assert not (tmp_path / "paidonce-report").exists()


@pytest.mark.slow
def test_a_budget_that_is_too_small_ends_cleanly_and_is_not_red(tmp_path):
    path = shop_in(tmp_path)
    path.write_text(path.read_text().replace("count = 2", "count = 5"))
    run = check(tmp_path, "--variant=locked", "--time=1s", "--out=out")
    assert run.returncode == 3, run.stdout + run.stderr
    assert "not decided: locked/undecided: not decided: the budget of" in run.stdout
    assert (tmp_path / "out" / "junit.xml").exists()


@pytest.mark.slow
def test_a_job_that_is_cancelled_leaves_what_was_found_by_then(tmp_path):
    path = shop_in(tmp_path)
    text = path.read_text().replace("count = 2", "count = 6")
    path.write_text(text)
    with started(tmp_path, "--time=10m", "--out=out") as process:
        try:
            # The first variant is caught at once; the other one takes ages with six attempts.
            witness = tmp_path / "out" / "witnesses" / "racy-small-shop.witness.json"
            log = tmp_path / "out" / "logs"
            deadline = time.monotonic() + 100
            while not (witness.exists() and list(log.glob("locked-*"))):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline, "waited for the second variant to begin"
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=120)
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 130, output + errors
    assert "Traceback" not in errors
    assert "racy" in (tmp_path / "out" / "junit.xml").read_text()
    assert (tmp_path / "out" / "comment.md").exists()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["interrupted"] is True
    assert [cell["variant"] for cell in results["cells"]] == ["racy"]


@pytest.mark.slow
def test_what_only_bursts_show_is_red(tmp_path):
    forgetful_shop_in(tmp_path)
    run = check(tmp_path, "--variant=racy", "--time=15s", "--out=out", GITHUB_ACTIONS="true")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "::error file=target.toml" in run.stdout
    assert "bursts, and no witness was found that shows it again" in run.stdout
    root = ET.parse(tmp_path / "out" / "junit.xml").getroot()
    assert (root.get("failures"), root.get("errors")) == ("1", "0")
