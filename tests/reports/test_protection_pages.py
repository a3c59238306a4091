"""The page of real protections says what was seen of each, and slow tests see it again."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.verdict import Status

ROOT = Path(__file__).parents[2]


def _pages() -> ModuleType:
    place = ROOT / "docs" / "protection_pages.py"
    spec = importlib.util.spec_from_file_location("protection_pages", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = _pages()
SAMPLE = (
    "django-select-for-update",
    "redis-py-lock",
    "sqlalchemy-for-update",
    "sqlalchemy-version",
)
"""What the default tests search: services whose libraries are in the development environment."""
_MADE = shutil.ignore_patterns(".venv", "node_modules", "witnesses", "__pycache__")


def test_the_page_is_current() -> None:
    seen = json.loads(PAGES.SEEN.read_text())
    assert PAGES.PAGE.read_text() == PAGES.page(seen), "run: make protections"


def test_every_service_is_on_the_page_with_the_version_it_pins() -> None:
    seen = json.loads(PAGES.SEEN.read_text())
    services = {path.parent.name for path in PAGES.SERVICES.glob("*/target.toml")}
    assert services == seen.keys() == PAGES.claims().keys()
    for name, one in seen.items():
        assert one["version"] == PAGES.version(name), f"{name}: run: make protections ARGS={name}"
        assert PAGES.claims()[name]["group"] in PAGES.GROUPS, name
        for search in PAGES.SEARCHES:
            assert one[search] == PAGES.claims()[name][search]["exit"], (name, search)
            kept = PAGES.witness(name, search)
            assert kept.exists() == (one[search] == 1), f"{kept}: run: make protections ARGS={name}"
            if kept.exists():
                assert read_witness(kept).status is Status.INVALID


def test_each_group_says_how_many_of_it_ended_in_which_way() -> None:
    row = {"version": "1", "date": "2026-12-01", "order": 0, "failures": 1}
    seen = {name: dict(row) for name in PAGES.claims()}
    seen["pg-boss"]["order"] = 3
    queues = [one for one in PAGES.claims().values() if one["group"] == PAGES.GROUPS[-1]]
    text = PAGES.page(seen).split("## Queue or durable execution")[1]
    counts = f"{len(queues) - 1} complete, 0 caught, 1 not decided"
    assert text.startswith(f"\n\n{len(queues)} judged. Every order: {counts}; ")


def test_what_hard_kinds_were_seen_with_is_on_the_page_and_decided() -> None:
    seen = json.loads(PAGES.SEEN.read_text())
    (kinds,) = re.findall(r"## Kinds.*", PAGES.page(seen), re.DOTALL)
    rows = [line.split(" | ")[2] for line in kinds.splitlines()[4:]]
    named = [name.strip(" |") for row in rows for name in row.split(", ")]
    services = [name for name in named if not name.startswith("and ")]
    assert len(rows) == 8
    assert {seen[name]["order"] for name in services} <= {0, 1}


def test_a_version_that_is_not_pinned_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redlock").mkdir()
    (tmp_path / "redlock" / "package.json").write_text('{"dependencies": {"redlock": "^5"}}')
    monkeypatch.setattr(PAGES, "SERVICES", tmp_path)
    monkeypatch.setattr(PAGES, "claims", lambda: {"redlock": {}})
    with pytest.raises(SystemExit, match="pins redlock"):
        PAGES.version("redlock")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_is_searched_with_the_libraries_that_are_there(name: str, tmp_path: Path) -> None:
    """Their versions are those of the development environment, so that nothing is installed."""
    place = shutil.copytree(PAGES.SERVICES / name, tmp_path / name, ignore=_MADE)
    target = place / "target.toml"
    text = re.sub(r"^build = .*$", "", target.read_text(), flags=re.MULTILINE)
    target.write_text(text.replace(".venv/bin/python app.py", "{python} app.py"))
    command = [sys.executable, "-m", "paidonce", "explore", str(target)]
    command += [
        "--out",
        str(tmp_path / "report"),
        "--no-shrink",
        "--validate",
        "off",
        "--jobs",
        "1",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    wanted = PAGES.claims()[name]["order"]["exit"]
    assert done.returncode == wanted, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("search", PAGES.SEARCHES)
@pytest.mark.parametrize("name", sorted(PAGES.claims()))
def test_the_search_ends_as_the_page_says(name: str, search: str, tmp_path: Path) -> None:
    assert PAGES.explored(name, search, tmp_path / "report") == PAGES.claims()[name][search]["exit"]
