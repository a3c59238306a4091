"""``paidonce prove`` with several sets of backends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from paidonce import reports
from paidonce.harness.cli.main import app


def prove(out: Path, *arguments: str) -> Result:
    argv = ["prove", "-s", "two_tabs", "-g", "row_lock"]
    argv += ["--rounds", "1", "--search-seconds", "0", "--load-seconds", "0", "--out", str(out)]
    environment = {"DOCKER_HOST": f"unix://{out}/none.sock", "COLUMNS": "200"}
    return CliRunner().invoke(app, [*argv, *arguments], env=environment)


def test_a_set_that_is_not_understood_is_named_before_anything_starts(tmp_path: Path) -> None:
    done = prove(tmp_path / "out", "--backends", "embeded")
    assert done.exit_code == 2
    assert "--backends: 'embeded' is not known; expected one of embedded, container" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_set_that_cannot_be_had_alone_is_exit_code_2(tmp_path: Path) -> None:
    done = prove(tmp_path / "out", "--backends", "container")
    assert done.exit_code == 2
    assert "docker: no Docker engine answers at unix://" in done.stderr


@pytest.mark.slow
def test_sets_are_proved_one_after_the_other_and_compared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = prove(out, "--backends", "embedded", "--backends", "container", "--jobs", "1")
    assert done.exit_code == 3, done.stdout + done.stderr
    assert "Not proved with container: docker: no Docker engine answers" in done.stdout
    proof = reports.load(out)
    assert proof.stack == "embedded"
    assert [(b.name, b.proof, b.folder) for b in proof.beside] == [("container", None, "")]

    both = tmp_path / "both"
    with_redis = "redis=embedded,stripe=simulator,postgres=" + os.environ["PAIDONCE_POSTGRES_URL"]
    done = prove(both, "--backends", "embedded", "--backends", with_redis, "--jobs", "1")
    assert done.exit_code == 0, done.stdout + done.stderr
    (beside,) = reports.load(both).beside
    assert beside.proof == reports.load(both / beside.folder)
    assert beside.proof is not None
    assert beside.proof.machine.backends["postgres"].startswith("url 18.")
    assert (both / beside.folder / "report.html").exists()
