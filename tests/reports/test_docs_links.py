"""Every link of the documents to another part of the project leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/*.md")),
]
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TO_BE_FILLED_IN = re.compile(r"@@\w*@@|\bTODO\b|\bTBD\b")
_ELSEWHERE = ("http://", "https://", "mailto:")


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ +(.*?) *$", _plain(page.read_text(), "```"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _plain(text: str, fence: str) -> str:
    return re.sub(rf"{fence}.*?{fence}", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        if link.startswith(_ELSEWHERE):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_relative_to(ROOT), f"{link} leads out of the project"
        assert there.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _anchors(there), f"{link}: no such heading"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    assert not _TO_BE_FILLED_IN.findall(_CODE.sub("", page.read_text()))


def test_what_is_to_be_filled_in_is_seen() -> None:
    assert _TO_BE_FILLED_IN.findall("| a | 1 |\n@@TWO@@\nTODO: more") == ["@@TWO@@", "TODO"]


def test_every_page_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    assert not {page for page in pages if page not in readme}
