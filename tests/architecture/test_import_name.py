"""Users have packages called ``harness``, ``reports``, ``scenarios`` and ``reference_service`` too.

Theirs stay theirs, and paidonce works beside them: installed as the tests have it (editable), and
from a wheel in an environment of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.cli.main import app

ROOT = Path(__file__).parents[2]
FOLDERS = ("harness", "reports", "scenarios", "reference_service")
LOCUSTFILE = "import paidonce.harness.load.generate.job as job; print(job.LOCUSTFILE)"
DEADLINE_S = 300

OWN_TEST = """
import importlib
import pytest
from paidonce.harness.pytest_plugin import RaceFound

@pytest.mark.parametrize("name", {folders})
def test_it_is_our_own(name):
    with pytest.raises(RuntimeError, match=f"our own {{name}}"):
        importlib.import_module(name)
"""
PAID_ONCE = """
import pytest

@pytest.mark.paidonce(target="lock-timeout/target.toml", variant="never")
def test_an_order_is_paid_once(paidonce_result):
    assert paidonce_result.executions
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project, whose four packages raise an error when they are imported."""
    folder = tmp_path / "project"
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise RuntimeError('our own {name}')\n")
    (folder / "test_own.py").write_text(OWN_TEST.format(folders=FOLDERS))
    return folder


@dataclass(frozen=True)
class Environment:
    """An environment with paidonce in it."""

    python: Path

    def run(self, project: Path, *arguments: str) -> str:
        """Run Python in the project's folder, as a user does; returns what it printed."""
        return _succeed([self.python, *arguments], cwd=project, env=_clean_environment())


def _clean_environment() -> dict[str, str]:
    """Return the environment without what names a Python path, or servers of this test run."""
    kept = (name for name in os.environ if not name.startswith(("PAIDONCE_", "PYTEST_", "PYTHON")))
    return {name: os.environ[name] for name in kept}


def _succeed(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    ended = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def test_an_editable_install_works_beside_packages_of_those_names(project: Path) -> None:
    installed = Environment(Path(sys.executable))
    assert "two_tabs" in installed.run(project, "-m", "paidonce", "list")
    assert "4 passed" in installed.run(project, "-m", "pytest", "-q", "test_own.py")


def test_an_editable_install_explores_beside_packages_of_those_names(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The service and the simulator are processes of their own, started in the current folder.
    monkeypatch.chdir(project)
    monkeypatch.setenv("PYTHONPATH", str(project))
    servers = (
        *("--postgres", os.environ[POSTGRES_VARIABLE]),
        *("--redis", redis_url_of_worker(os.environ[REDIS_VARIABLE])),
    )
    search = (
        "explore",
        "two_tabs",
        "--guard",
        "row_lock",
        "-j",
        "1",
        "--watch",
        "0",
        "--validate",
        "off",
    )
    said = CliRunner().invoke(app, [*search, "--out", str(tmp_path / "out"), *servers])
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("complete: no counterexample")


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the build backend, or a skip that says why not."""
    folder = tmp_path_factory.mktemp("builder")
    python = _new_environment(folder)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "hatchling"]
    got = subprocess.run(pip, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    if got.returncode:
        pytest.skip(f"pip cannot install hatchling: {got.stderr.strip().splitlines()[-1:]}")
    return python


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip makes of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    return _wheel_of(ROOT, folder)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    """An environment with paidonce from its wheel.

    What paidonce needs is found in this environment's packages, named by a .pth file; the .pth
    files of a folder that is named so are not followed (module ``site``), so the editable install
    of these tests is not there.
    """
    folder = tmp_path_factory.mktemp("fresh")
    python = _new_environment(folder)
    packages = _packages_of(python)
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps")
    _succeed([*pip, wheel], cwd=folder)
    where = _succeed([python, "-c", "import paidonce; print(paidonce.__file__)"], cwd=folder)
    assert Path(where.strip()).is_relative_to(packages)
    return Environment(python)


def _new_environment(folder: Path) -> Path:
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def _packages_of(python: Path) -> Path:
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(_succeed([python, "-c", ask], cwd=python.parent).strip())


def _wheel_of(source: Path, folder: Path) -> Path:
    """Return the wheel that pip makes of a source folder or archive."""
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder)
    _succeed([*pip, source], cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


def _files_of(wheel: Path) -> dict[str, int]:
    """Return the checksum of each file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist() if not entry.is_dir()}


@pytest.mark.slow
def test_a_wheel_has_real_files_in_one_folder_of_ours(wheel: Path) -> None:
    files = _files_of(wheel)
    assert {re.sub(r"-.*", "-", name.split("/")[0]) for name in files} == {"paidonce", "paidonce-"}
    tracked = _succeed(["git", "ls-files", "--", *FOLDERS], cwd=ROOT).splitlines()
    assert {f"paidonce/{name}" for name in tracked} <= set(files)
    assert not [name for name in files if "__pycache__" in name]


@pytest.mark.slow
def test_a_source_archive_makes_the_same_wheel(builder: Path, wheel: Path, tmp_path: Path) -> None:
    _succeed([builder, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], cwd=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        assert not [entry.name for entry in packed if "/.ci/" in entry.name]
    (tmp_path / "made").mkdir()
    assert _files_of(_wheel_of(archive, tmp_path / "made")) == _files_of(wheel)


@pytest.mark.slow
def test_a_wheel_works_beside_packages_of_those_names(fresh: Environment, project: Path) -> None:
    command = str(fresh.python.with_name("paidonce"))
    assert "two_tabs" in fresh.run(project, command, "list")
    assert "two_tabs" in fresh.run(project, "-m", "paidonce", "list")
    assert "4 passed" in fresh.run(project, "-m", "pytest", "-q", "test_own.py")
    searched = fresh.run(project, command, "explore", "two_tabs", "--guard", "row_lock")
    assert searched.startswith("complete: no counterexample")


@pytest.mark.slow
def test_a_wheel_checks_a_service_of_that_project(fresh: Environment, project: Path) -> None:
    cases = ROOT / "tests" / "cases"
    shutil.copytree(cases / "lock-timeout", project / "lock-timeout")
    shutil.copy(cases / "kit.py", project)
    (project / "test_paid_once.py").write_text(PAID_ONCE)
    command = str(fresh.python.with_name("paidonce"))
    target = "lock-timeout/target.toml"
    checked = fresh.run(project, command, "check", target, "--variant", "never")
    assert "1 variant proved by complete search" in checked
    assert "1 passed" in fresh.run(project, "-m", "pytest", "-q", "test_paid_once.py")


@pytest.mark.slow
def test_a_wheel_makes_load_beside_packages_of_those_names(
    fresh: Environment, project: Path
) -> None:
    locustfile = fresh.run(project, "-c", LOCUSTFILE).strip()
    listed = fresh.run(project, "-m", "locust", "-f", locustfile, "--list")
    assert {"HotOrder", "ManyOrders", "Payer", "Shopper"} <= set(listed.split())
    command = str(fresh.python.with_name("paidonce"))
    load = ("load", "--guard", "row_lock", "--seconds", "2", "--users", "2")
    fresh.run(project, command, *load)
    assert list(project.glob("paidonce-report/*/results.json"))
