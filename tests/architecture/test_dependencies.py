"""Each dependency is listed in docs/architecture.md, with the licence that it declares itself."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|\n")
_CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "Zope Public License": "ZPL-2.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_WORDS = {
    "MIT License": "MIT",
    "BSD 2-Clause License": "BSD-2-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ZPL 2.1": "ZPL-2.1",
}
PERMISSIVE = re.compile(r"(MIT|BSD|Apache|ZPL)[^ ]*( (AND|OR) (MIT|BSD|Apache)[^ ]*)*")


def listed():
    """The rows of the tables: what each is under, and what for."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    _, _, section = page.partition("\n## Dependencies\n")
    section, _, _ = section.partition("\n## ")
    return {name: (licence, why) for name, licence, why in ROW.findall(section)}


def required():
    """The names of all that is asked for in pyproject.toml, and whether everybody gets it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {}
    for everybody, texts in (
        (False, [one for extra in project["optional-dependencies"].values() for one in extra]),
        (True, project["dependencies"]),
    ):
        for text in texts:
            name = re.match(r"[A-Za-z0-9._-]+", text)[0]
            if name != "paidonce":
                found[name] = everybody
    return found


def declared(name):
    """The licence that a distribution names: by expression, in words, or by classifier."""
    told = importlib.metadata.metadata(name)
    if told.get("License-Expression"):
        return told["License-Expression"]
    words = (told.get("License") or "").strip()
    if words and "\n" not in words and len(words) < 40:
        return _WORDS.get(words, words)
    classifiers = [
        one.rpartition(" :: ")[2]
        for one in told.get_all("Classifier") or []
        if one.startswith("License ::")
    ]
    return " OR ".join(_CLASSIFIERS[one] for one in classifiers)


def test_each_dependency_is_listed_and_nothing_else():
    assert sorted(listed()) == sorted(required())


@pytest.mark.parametrize("name", sorted(required()))
def test_its_licence_is_the_one_that_it_declares(name):
    licence, why = listed()[name]
    assert len(why.strip()) > 10
    try:
        found = declared(name)
    except importlib.metadata.PackageNotFoundError:
        assert not required()[name], f"{name} is not installed"
        pytest.skip(f"{name} is not installed here")
    # A classifier says "BSD" without saying which.
    assert licence == found or (found == "BSD" and licence.startswith("BSD-"))


def test_what_everybody_gets_is_permissive_but_for_what_the_page_speaks_of():
    strict = {name for name in required() if not PERMISSIVE.fullmatch(listed()[name][0])}
    page = (ROOT / "docs" / "architecture.md").read_text()
    for name in strict:
        assert f"**{name}**" in page, f"{name} is under {listed()[name][0]}"
