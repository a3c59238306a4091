"""``paidonce explore`` on a target file: schedulers, exit codes and pages as of a scenario."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from small_services import edited
from typer.testing import CliRunner

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.cli.main import app
from paidonce.harness.explore.witness.file import read_witness

HERE = Path(__file__).parent
SHOP = str(HERE / "shop" / "target.toml")
run = CliRunner()


def explore(*arguments):
    servers = [
        "--postgres",
        os.environ[POSTGRES_VARIABLE],
        "--redis",
        redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    ]
    said = run.invoke(app, ["explore", *map(str, arguments), "-j", "1", *servers])
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said


def test_a_race_of_a_target_is_found_and_shown(tmp_path):
    said = explore(SHOP, "--scheduler", "bounded", "--switches", "1", "--out", tmp_path / "out")
    assert said.exit_code == 1, said.output  # the first variant of the file
    assert "counterexample" in said.output
    witness = read_witness(tmp_path / "out" / "racy-small-shop.witness.json")
    assert witness.described_in.path.endswith("shop/target.toml")
    page = (tmp_path / "out" / "report.html").read_text()
    assert ">Variant<" in page
    for fact in (
        "Started",
        "Scheduler",
        "Seed",
        "Machine",
        "paidonce, Python",
        "postgres",
        "Command",
    ):
        assert f"<dt>{fact}</dt>" in page
    assert "guard" not in re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL).lower()


@pytest.mark.slow
def test_a_fixed_variant_of_a_target_is_searched_to_completion(tmp_path):
    said = explore(SHOP, "--variant", "locked", "--out", tmp_path / "out")
    assert said.exit_code == 0, said.output
    assert "complete: no counterexample in all interleavings of 2 attempts" in said.output


def test_nothing_is_complete_of_a_target_that_is_not_seen_at_its_taps(tmp_path):
    path = edited(tmp_path / "shop", "shop", ('need = ["postgres", "stripe"]', 'need = ["redis"]'))
    path.write_text(path.read_text().replace("STRIPE_KEY =", 'REDIS = "{redis_url}", STRIPE_KEY ='))
    said = explore(path, "--variant", "locked", "--out", tmp_path / "out")
    assert said.exit_code == 2, said.output
    assert "nothing was seen at the redis tap" in said.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([SHOP, "--variant", "none"], "has no variant 'none'; choose one of: racy, locked"),
        ([str(HERE / "shop")], "is a folder; name the target file in it"),
        (["nowhere.toml"], "cannot be read"),
    ],
)
def test_what_does_not_exist_is_said(arguments, told):
    said = explore(*arguments)
    assert said.exit_code == 2
    assert told in " ".join(said.output.split())
