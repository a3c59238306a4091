"""Each folder says what it is, what it may import, and what others use of it."""

from __future__ import annotations

import ast
import re

import pytest
from product import PARTS, ROOT

FOLDERS = sorted(
    file.parent.relative_to(ROOT).as_posix()
    for part in PARTS
    for file in (ROOT / part).rglob("__init__.py")
    if file.parent != ROOT / "harness"  # which only has the others, and the version
)
IMPORTS = re.compile(r"\bimports? ", re.IGNORECASE)
USED = re.compile(r"\b(others|uses?|nobody but|every writer)\b", re.IGNORECASE)


def untold(source: str) -> list[str]:
    """Return what the docstring of a package does not say."""
    text = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    if not text:
        return ["what it is"]
    said = {"what it may import": IMPORTS, "what others use of it": USED}
    return [what for what, words in said.items() if not words.search(text)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_says_what_it_is_for(folder: str) -> None:
    assert untold((ROOT / folder / "__init__.py").read_text()) == []


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("", ["what it is"]),
        ('"""Drawings."""', ["what it may import", "what others use of it"]),
        ('"""Drawings.\n\nImports words."""', ["what others use of it"]),
        ('"""Drawings.\n\nOthers use ``svg``."""', ["what it may import"]),
        ('"""Drawings.\n\nImports\nwords. Others use ``svg``."""', []),
    ],
)
def test_what_a_folder_does_not_say_is_noticed(source: str, missing: list[str]) -> None:
    assert untold(source) == missing
