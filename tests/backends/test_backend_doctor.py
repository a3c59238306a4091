"""The doctor says what is here, what is not, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from paidonce.harness.backends import containers, doctor, wheels
from paidonce.harness.backends.doctor import examine
from paidonce.harness.errors import Unavailable
from paidonce.harness.process.custody import custody

COMPONENTS = [
    "python",
    "embedded postgres",
    "embedded redis",
    "Stripe simulator",
    "stripe-mock",
    "localstripe",
    "docker",
    "reference service",
    "locust",
    "pgbench",
    "isolationtester",
    "chromium",
    "node",
    "go",
]


def test_every_component_is_there_with_a_version_or_missing_with_a_remedy() -> None:
    before = custody.tickets
    findings = examine()
    assert [finding.component for finding in findings] == COMPONENTS
    for finding in findings:
        if finding.available:
            assert finding.version, finding
            assert finding.remedy == ""
        else:
            assert finding.detail, finding
            assert finding.remedy, finding
    here = {finding.component for finding in findings if finding.available}
    assert {"python", "embedded postgres", "embedded redis", "locust", "pgbench"} <= here
    assert custody.tickets == before


def test_how_old_postgres_is_is_said() -> None:
    (found,) = (one for one in examine() if one.component == "embedded postgres")
    released = doctor._RELEASED.get(found.version)
    assert released is not None, f"when {found.version} was released belongs into the table"
    assert found.detail.startswith(f"released {released:%Y-%m-%d}, ")
    assert doctor._age(10) == "less than a month ago"
    assert doctor._age(35) == "1 month ago"
    assert doctor._age(200) == "6 months ago"


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        "GOPATH",
        "PAIDONCE_STRIPE_MOCK",
        "PAIDONCE_CHROMIUM",
        "PAIDONCE_LOCALSTRIPE",
        "XDG_CACHE_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setattr(wheels, "_package", _no_package)
    missing = {finding.component: finding for finding in examine() if not finding.available}
    assert set(missing) == set(COMPONENTS) - {
        "python",
        "Stripe simulator",
        "reference service",
        "locust",
    }
    assert missing["embedded redis"].needed
    assert not missing["go"].needed
    assert missing["embedded postgres"].remedy.startswith("Run pip install")
    assert "PAIDONCE_CHROMIUM" in missing["chromium"].remedy


def _no_package(name: str, component: str, remedy: str) -> Path:
    raise Unavailable(component, f"the Python package {name} is not installed", remedy)


def test_programs_that_cannot_be_run_are_not_available(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scripts = {
        "node": "#!/bin/sh\necho 'wrong libc' >&2; exit 127\n",
        "go": "#!/nonexistent/interpreter\n",
        "chromium": "#!/bin/sh\necho Chromium 131.0.6778.85 built on nothing\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PAIDONCE_CHROMIUM", raising=False)
    found = {finding.component: finding for finding in examine()}
    assert not found["node"].available
    assert "ended with 127 (wrong libc)" in found["node"].detail
    assert not found["go"].available
    assert "cannot be run" in found["go"].detail
    assert found["chromium"].version == "131.0.6778.85"


def test_a_program_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "chrome"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    monkeypatch.setattr(doctor, "SECONDS", 0.2)
    monkeypatch.setenv("PAIDONCE_CHROMIUM", str(program))
    finding = doctor._chromium()
    assert not finding.available
    assert "timed out" in finding.detail
    monkeypatch.setenv("PAIDONCE_CHROMIUM", str(tmp_path))
    assert "is not a program" in doctor._chromium().detail


def test_a_docker_engine_that_is_away_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(Unavailable, match="docker: no Docker engine answers"):
        containers.engine_version()
