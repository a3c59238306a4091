"""Small services whose right verdict is known without a search, each searched by the command."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from case_table import CASES, COMPLETE, FOUND, STILL_WRONG, Case
from typer.testing import CliRunner

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.cli.main import app
from paidonce.harness.explore.witness.file import read_witness

HERE = Path(__file__).parent
PG = "pg@8"
"""The only package that the services for Node.js need."""
run = CliRunner()


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory):
    """A folder with what Node.js services require, or a skip that says what is missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on the path; these services run on Node.js")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), PG]
    got = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if got.returncode:
        pytest.skip(f"npm cannot install {PG}: {got.stderr.strip().splitlines()[-1:]}")
    return folder / "node_modules"


@pytest.fixture
def folder(tmp_path, request):
    """A copy of all cases: they share what stands beside their folders."""
    shutil.copytree(HERE, tmp_path / "cases", ignore=shutil.ignore_patterns("__pycache__"))

    def of(case):
        if case.node:
            modules = request.getfixturevalue("node_modules")
            (tmp_path / "cases" / "node_modules").symlink_to(modules)
        return tmp_path / "cases" / case.folder

    return of


def command(*arguments):
    """The command in this process, on the run's servers."""
    said = run.invoke(app, [str(argument) for argument in arguments])
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said


SEVERAL_DATABASES = ("other-redis-database", "redis-database")
"""These use several databases of one Redis, which therefore has to be their own."""


def servers(folder):
    postgres = ("--postgres", os.environ[POSTGRES_VARIABLE])
    if folder.name in SEVERAL_DATABASES:
        return postgres
    return (*postgres, "--redis", redis_url_of_worker(os.environ[REDIS_VARIABLE]))


def explored(folder, case, *flags):
    """What ``explore`` says of a case; its report is in the folder ``out``."""
    variant = ("--variant", case.variant) if case.variant else ()
    lanes = () if "-j" in case.flags else ("-j", "1")
    out = ("--out", folder / "out")
    return command(
        "explore",
        folder / case.target,
        *variant,
        *out,
        *lanes,
        *case.flags,
        *flags,
        *servers(folder),
    )


def witness_of(folder):
    (path,) = (folder / "out").glob("*.witness.json")
    return path


def replayed(path, times):
    return command("replay", path, "--times", times, *servers(path.parents[1]))


def one(folder, target, variant=""):
    """The row of the table."""
    (found,) = (
        case
        for case in CASES
        if (case.folder, case.target, case.variant, case.flags) == (folder, target, variant, ())
    )
    return found


def still_wrong(case):
    return [
        pytest.mark.xfail(strict=True, reason=why)
        for why, rows in STILL_WRONG.items()
        if str(case) in rows
    ]


def marked(case):
    marks = [] if case.quick else [pytest.mark.slow]
    return pytest.param(case, id=str(case), marks=[*marks, *still_wrong(case)])


def replayed_often(times, *names):
    case = one(*names)
    return pytest.param(case, times, id=str(case), marks=still_wrong(case))


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_a_search_ends_as_it_should(case, folder):
    said = explored(folder(case), case)
    assert said.exit_code in case.codes, said.output
    if said.exit_code not in (COMPLETE, FOUND):
        assert case.says in " ".join(said.output.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "times"),
    [
        replayed_often(10, "replay-path", "target.toml", "racy"),
        replayed_often(50, "cold-cache", "target.toml"),
        replayed_often(50, "cold-caches", "target.toml", "settings"),
        replayed_often(50, "cold-caches", "target.toml", "row"),
        replayed_often(50, "cold-caches", "target.toml", "script"),
        replayed_often(10, "memory-session-cache", "target.toml"),
        replayed_often(10, "autocommit-coupon", "coupon.toml", "racy"),
        replayed_often(10, "statements", "target.toml", "subselect"),
        replayed_often(10, "webhook-stale-payload", "target.toml", "racy"),
    ],
)
def test_a_witness_replays_every_time(case, times, folder):
    """The first time included: a service that has just been started is as cold then as ever."""
    where = folder(case)
    assert explored(where, case).exit_code == FOUND
    said = replayed(witness_of(where), times)
    assert said.exit_code == FOUND, said.output
    assert f"{times} of {times} replays" in said.output


@pytest.mark.slow
def test_who_waits_for_itself_is_shown_with_both_its_sessions(folder):
    case = one("self-deadlock", "target.toml", "racy")
    where = folder(case)
    said = explored(where, case)
    assert said.exit_code == FOUND, said.output
    told = " ".join((said.output + witness_of(where).read_text()).split())
    assert "waits for itself" in told
    assert "session" in told


@pytest.mark.slow
@pytest.mark.parametrize("target", ["target.toml", "target-b.toml"])
def test_a_lawful_payment_that_breaks_nothing_is_not_shrunk_to(target, folder):
    """Alone, either payment breaks the sum that two of them must come to: by arithmetic."""
    case = one("shrunk-too-far", target, "racy")
    where = folder(case)
    assert explored(where, case).exit_code == FOUND
    assert len(read_witness(witness_of(where)).attempts) == 2


@pytest.mark.slow
def test_braces_of_a_query_reach_the_service_as_written(folder):
    """The service answers what it got; or the file is refused, with the way to write them."""
    case = Case("memory-session-cache", "gql.toml", "", (2,), node=True)
    said = explored(folder(case), case)
    assert said.exit_code == 2, said.output
    told = "".join(said.output.split())
    assert "z:1}}){...onB{idc}}}" in told or "}}}}" in told


@pytest.mark.slow
def test_a_budget_that_ends_while_an_attempt_is_prepared_holds(folder):
    """Each attempt takes 0.8 s to prepare; what is unfinished then is nobody's own statement."""
    case = Case("budget-while-preparing", "slow.toml", "", (3,))
    said = explored(folder(case), case, "--budget", "4s")
    assert said.exit_code in (FOUND, 3), said.output
    assert "by itself" not in said.output
