"""Services without Postgres: what they must be seen at, and what is not promised of them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from small_services import rewrite
from typer.testing import CliRunner

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.cli.main import app
from paidonce.harness.errors import UsageError
from paidonce.harness.targets import load_target
from paidonce.harness.targets.file.required_taps import keeps_state_unseen, needed, told_of

TILL = Path(__file__).parent / "till"
UNSEEN = "what the service knows is where no tap is"


def checked(path, out):
    servers = [
        "--postgres",
        os.environ[POSTGRES_VARIABLE],
        "--redis",
        redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    ]
    arguments = [
        "check",
        str(path),
        "--out",
        str(out),
        "-j",
        "1",
        "--time",
        "240s",
        "--faults",
        "0",
        *servers,
    ]
    said = CliRunner().invoke(app, arguments)
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said


def edited(folder, name, *changes):
    for one in (name, "till.py"):
        shutil.copy(TILL / one, folder)
    rewrite(folder / name, *changes)
    return folder / name


@pytest.mark.parametrize("keeps", [pytest.param("memory", marks=pytest.mark.slow), "redis"])
def test_a_service_that_needs_no_postgres_is_checked(tmp_path, keeps):
    said = checked(TILL / f"{keeps}.toml", tmp_path / "out")
    assert said.exit_code == 0, said.output
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [cell["search"]["how"] for cell in results["cells"]] == ["counterexample", "complete"]
    # What no tap sees is not promised, and that is said wherever the result is.
    unseen = keeps == "memory"
    assert (UNSEEN in said.output) is unseen
    for cell in results["cells"]:
        assert any(note.startswith(UNSEEN) for note in cell["notes"]) is unseen
    assert (UNSEEN in (tmp_path / "out" / "summary.md").read_text()) is unseen


def test_what_it_says_it_needs_it_must_be_seen_at(tmp_path):
    path = edited(tmp_path, "redis.toml", ('KEEP = "redis"', 'KEEP = "memory"'))
    said = checked(path, tmp_path / "out")
    assert said.exit_code == 2, said.output
    assert "nothing was seen at the redis tap" in said.output


@pytest.mark.parametrize(
    ("changes", "needs", "unseen"),
    [
        ((), ("stripe",), True),
        ([('[taps]\nneed = ["stripe"]\n', "")], ("stripe",), True),
        ([("STRIPE_KEY =", 'DATABASE_URL = "{postgres_url}", STRIPE_KEY =')], ("stripe",), True),
        (
            [
                ('[taps]\nneed = ["stripe"]\n', ""),
                ("STRIPE_KEY =", 'DATABASE_URL = "{postgres_url}", STRIPE_KEY ='),
            ],
            ("postgres", "stripe"),
            False,
        ),
        (
            [("[observe.charges]", "[rest]\nsql = ['SELECT 0']\n\n[observe.charges]")],
            ("postgres", "stripe"),
            False,
        ),
    ],
    ids=["as it says", "says nothing", "told of it, and not needed", "told of it", "looked up"],
)
def test_what_a_service_is_needed_to_be_seen_at(tmp_path, changes, needs, unseen):
    file = load_target(edited(tmp_path, "memory.toml", *changes)).file
    assert needed(file) == needs
    assert keeps_state_unseen(file) is unseen
    assert "stripe" in told_of(file)


RUNS_ALREADY = """\
name = "till"

[service]
url = "http://127.0.0.1:9"

[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "POST /orders/1/pay"

[success]
status = 200

[observe.charges]
stripe = "charges"

[[invariants]]
name = "one charge at most"
check = "charges <= 1"

[taps]
"""


@pytest.mark.parametrize(
    ("taps", "said"),
    [
        ("stripe_port = 6433", "One without Postgres says in [taps] what it does need"),
        ('need = ["stripe"]', "stripe_port is missing"),
        ('need = ["postgres"]\nstripe_port = 6433', "[database]: url is missing"),
        ('need = ["redis"]\nstripe_port = 6433', "redis_port is missing"),
    ],
)
def test_a_service_that_runs_already_must_know_its_taps(tmp_path, taps, said):
    path = tmp_path / "target.toml"
    path.write_text(RUNS_ALREADY + taps + "\n")
    with pytest.raises(UsageError) as refused:
        load_target(path)
    assert said in str(refused.value)


def test_a_service_that_runs_already_may_have_no_database(tmp_path):
    path = tmp_path / "target.toml"
    path.write_text(RUNS_ALREADY + 'need = ["stripe"]\nstripe_port = 6433\n')
    file = load_target(path).file
    assert needed(file) == ("stripe",)
    assert told_of(file) == {"stripe"}
