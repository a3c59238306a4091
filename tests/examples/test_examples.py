"""Worked examples, from a clean copy: the race is found, its witness replays, the fixes are proved.

They are services as teams write them, built with their own package managers and driven with
nothing of ours in them. One runs by default; the others take longer than that.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib

import pytest
from example_runs import EXAMPLES, copied, explored

from harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from harness.explore.search import Ending
from harness.predict import Standing
from harness.process.child import ChildFailed
from harness.stack import Choice
from harness.targets import load_target

TOOLS = {
    "express-pg": ("node", "npm"),
    "express-prisma": ("node", "npm", "npx"),
    "go": ("go",),
    "java": ("java", "mvn"),
    "queue-worker": ("node", "npm"),
}
TARGETS = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("*/*.toml"))
QUICK = "express-pg/target.toml"
NO_REGISTRY = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|network|No matching distribution|no such host"
    r"|dial tcp|Could not transfer|Unknown host",
    re.IGNORECASE,
)


def cases():
    return [pytest.param(name, marks=() if name == QUICK else pytest.mark.slow) for name in TARGETS]


@pytest.mark.parametrize("name", cases())
def test_the_race_is_found_and_every_fix_is_proved(name, tmp_path):
    lacking = [tool for tool in TOOLS.get(name.split("/")[0], ()) if shutil.which(tool) is None]
    if lacking:
        pytest.skip(f"{name} needs {' and '.join(lacking)}, which is not on this machine")
    choice = Choice(
        postgres=os.environ[POSTGRES_VARIABLE],
        redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    )
    try:
        example = explored(copied(name, tmp_path), choice, tmp_path, replays=3)
    except ChildFailed as failure:
        if failure.name.startswith("build") and NO_REGISTRY.search(failure.log):
            pytest.skip(f"{name} cannot be built, its packages are out of reach: {failure.log}")
        raise
    assert set(example.sound.values()) == {True, False}
    for variant, came in example.explored.items():
        result, predictions = came.result, example.predictions[variant]
        if example.sound[variant]:
            assert (result.ending, result.reason) == (Ending.COMPLETE, ""), variant
            assert result.invalid == (), variant
            assert all(one.standing is Standing.REFUTED for one in predictions), variant
        else:
            assert Standing.CONFIRMED in {one.standing for one in predictions}, variant
            assert result.ending is Ending.COUNTEREXAMPLE, variant
            assert result.found[0].execution.number <= 10, variant
            assert example.replays[variant] == [""] * 3, (variant, came.notes)


@pytest.mark.parametrize("name", TARGETS)
def test_an_example_has_what_its_readers_expect(name):
    target = load_target(EXAMPLES / name)
    folder = EXAMPLES / name.split("/")[0]
    assert (folder / "README.md").exists()
    assert (folder / "schema.sql").exists()
    assert f"paidonce check examples/{name}" in (folder / "README.md").read_text()
    assert {variant.sound for variant in target.variants.values()} == {True, False}


def test_nothing_of_ours_is_in_an_example():
    sources = [
        path
        for path in EXAMPLES.glob("*/**/*")
        if path.suffix in (".js", ".ts", ".py", ".go", ".java", ".sql", ".json", ".txt", ".xml")
        and not {"node_modules", ".venv", "dist", "target", "generated"} & set(path.parts)
    ]
    assert len(sources) > 30
    for path in sources:
        text = path.read_text()
        assert "paidonce" not in text.lower(), path
        assert '"resolved"' not in text, f"{path} names a registry"


def test_every_example_is_listed():
    listed = (EXAMPLES / "README.md").read_text()
    for name in TARGETS:
        assert f"]({name.split('/')[0]})" in listed
    assert tomllib.loads((EXAMPLES / "ruff.toml").read_text())["extend"] == "../pyproject.toml"
