"""The page of real protections says what was seen of each, and slow tests see it again."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

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


def test_the_page_is_current() -> None:
    seen = json.loads(PAGES.SEEN.read_text())
    assert PAGES.PAGE.read_text() == PAGES.page(seen), "run: make protections"


def test_every_service_is_on_the_page_with_the_version_it_pins() -> None:
    seen = json.loads(PAGES.SEEN.read_text())
    services = {path.parent.name for path in PAGES.SERVICES.glob("*/target.toml")}
    assert services == seen.keys() == PAGES.claims().keys()
    for name, one in seen.items():
        assert one["version"] == PAGES.version(name), f"{name}: run: make protections ARGS={name}"
        assert one["exit"] == PAGES.claims()[name]["exit"], name


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PAGES.claims()))
def test_the_search_ends_as_the_page_says(name: str) -> None:
    assert PAGES.explored(name) == PAGES.claims()[name]["exit"]
