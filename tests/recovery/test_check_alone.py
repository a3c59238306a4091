"""``paidonce check`` tries one attempt alone under a failure, and tells of it beside its claim."""

from __future__ import annotations

import os

import msgspec
import pytest
from test_mechanisms import MECHANISMS, target
from typer.testing import CliRunner

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.cli.main import app
from paidonce.harness.results.proof import Proof
from paidonce.harness.results.searched import How

NAME = "replays"


@pytest.mark.slow
def test_what_a_crash_does_to_one_alone_is_told_and_does_not_count(tmp_path):
    target(tmp_path, NAME, fixed=False)
    path, out = tmp_path / "target.toml", tmp_path / "out"
    text = path.read_text()
    assert MECHANISMS[NAME].failure in text
    path.write_text(text.replace(MECHANISMS[NAME].failure, ""))
    servers = [
        *("--postgres", os.environ[POSTGRES_VARIABLE]),
        *("--redis", redis_url_of_worker(os.environ[REDIS_VARIABLE])),
    ]
    flags = ["--out", str(out), "--time", "300s", "-j", "1", *servers]
    said = CliRunner().invoke(app, ["check", str(path), *flags])
    assert said.exit_code == 0, said.output
    assert "complete: no counterexample in all interleavings" in said.output
    assert "not in the verdict: tab 1 alone, under a failure: breaks, tab 1, step" in said.output
    (cell,) = msgspec.json.decode((out / "results.json").read_bytes(), type=Proof).cells
    (tried,) = cell.alone
    assert tried.search.how is How.COUNTEREXAMPLE
    assert (out / tried.search.witness).exists()
    assert 'html">step through it</a>' in (out / "report.html").read_text()
    replayed = CliRunner().invoke(app, ["replay", str(out / tried.search.witness), *servers])
    assert replayed.exit_code == 1, replayed.output
