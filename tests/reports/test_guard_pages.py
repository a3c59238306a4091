"""The guards' pages in the docs say what the guards' files say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from paidonce.scenarios.reference import VARIANTS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("guard_pages", DOCS / "guard_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_every_guard_has_a_page_with_its_cost_and_its_failures(written: dict[str, str]) -> None:
    for variant in VARIANTS:
        page = written[f"{variant.name}.md"]
        for heading in ("## What it guarantees", "## What it costs", "## Where it fails"):
            _, _, after = page.partition(heading)
            assert len(after.split("##")[0].strip()) > 10, (variant.name, heading)


def test_the_pages_are_current(written: dict[str, str]) -> None:
    found = {path.name: path.read_text() for path in (DOCS / "guards").glob("*.md")}
    assert found == written, "run: python docs/guard_pages.py"
