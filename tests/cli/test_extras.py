"""A command whose libraries come with an extra says which, where that is not installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paidonce.harness import extras
from paidonce.harness.cli.main import app
from paidonce.harness.errors import Unavailable
from readme_for_the_index import for_the_index

ROOT = Path(__file__).parents[2]
run = CliRunner()


@pytest.fixture
def bare(monkeypatch):
    """Nothing that an extra brings is installed."""
    found = importlib.util.find_spec
    lacking = {name for names in extras._NEEDED.values() for name in names}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in lacking else found(name)
    )


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["load", "--guard", "row_lock"], "load"),
        (["merge", "some.jsonl"], "load"),
        (["run", "two_tabs", "--guard", "none"], "reference"),
        (["prove"], "reference"),
        (["explore", "two_tabs", "--guard", "none"], "reference"),
        (["run", "two_tabs", "--guard", "none", "--postgres", "container"], "containers"),
    ],
)
@pytest.mark.usefixtures("bare")
def test_what_is_not_installed_is_one_message_that_names_the_extra(command, extra, tmp_path):
    if extra == "containers":
        with pytest.raises(Unavailable, match=r"paidonce\[containers\]"):
            extras.need(extra)
        return
    said = run.invoke(app, [*command, "--out", str(tmp_path / "out")])
    told = str(said.exception) + said.output
    assert f"pip install 'paidonce[{extra}]'" in told, told
    assert said.exit_code != 0


def test_a_check_loads_nothing_that_an_extra_brings():
    named = [name for names in extras._NEEDED.values() for name in names]
    script = (
        "import sys\n"
        f"for name in {named!r}: sys.modules[name] = None\n"
        "import paidonce.harness.cli.check, paidonce.harness.cli.target_check\n"
        "import paidonce.harness.cli.load, paidonce.harness.cli.merging, paidonce.reports\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_each_extra_has_what_it_is_asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    distributions = {"hdrh": "hdrhistogram"}
    for extra, names in extras._NEEDED.items():
        wanted = " ".join(project["optional-dependencies"][extra])
        everybody = " ".join(project["dependencies"])
        for name in names:
            assert distributions.get(name, name) in wanted
            assert distributions.get(name, name) not in everybody


def test_on_the_index_no_link_leads_nowhere():
    text = (ROOT / "README.md").read_text()
    plain = for_the_index(text)
    assert "](docs/" not in plain
    assert "![" not in plain
    assert "see [docs/" not in plain.lower()
    assert "`docs/exploration.md`" in plain
    linked = for_the_index(text, "https://host.example/owner/name/")
    assert "](docs/" not in linked
    assert "](https://host.example/owner/name/blob/HEAD/docs/exploration.md)" in linked
    assert "](https://host.example/owner/name/raw/HEAD/docs/picture.svg)" in linked
    assert for_the_index("[a](https://x.example) [b](#c)") == "[a](https://x.example) [b](#c)"
