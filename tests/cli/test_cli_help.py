"""The help, the page of all commands, and the other docs name the same commands and options."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from paidonce.harness.cli.helping import HELP
from paidonce.harness.cli.main import app
from paidonce.harness.simulator.cli import reader

ROOT = Path(__file__).parents[2]
DOCS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/*.md")),
]
COMMANDS = typer.main.get_command(app).commands


def options(command):
    if command == "stripe":  # its options are the simulator's own
        return {o for action in reader()._actions for o in action.option_strings}
    found = {"--help"}
    for param in COMMANDS[command].params:
        found |= {o for o in (*param.opts, *param.secondary_opts) if o.startswith("-")}
    return found


def used(text):
    """(command, option) of every ``paidonce COMMAND … --option …`` in a text."""
    whole = text.replace("\\\n", " ")
    for command, rest in re.findall(r"paidonce ([a-z-]+)((?: [^\n`#]*)?)", whole):
        if command in COMMANDS:
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest):
                yield command, option


def helped(command):
    told = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "1000", "NO_COLOR": "1"})
    assert told.exit_code == 0
    return " ".join(told.output.split())


def test_every_command_has_its_place_and_its_examples():
    assert set(HELP) == set(COMMANDS)
    for name, told in HELP.items():
        for line in told.examples:
            words = shlex.split(line)
            assert words[:2] == ["paidonce", name]
            assert {w for w in words if w.startswith("-")} <= options(name), line


def test_the_list_says_of_each_command_what_it_says_of_itself():
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "1000", "NO_COLOR": "1"}).output
    for name, told in HELP.items():
        assert told.summary == COMMANDS[name].help.split("\n\n")[0]
        assert f"{name} " in listed
        assert told.summary in listed


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["explre"]])
def test_nothing_is_imported_that_the_list_of_commands_does_not_need(arguments):
    code = (
        "import sys\n"
        "from paidonce.harness.cli.entry import run\n"
        f"sys.argv = ['paidonce', *{arguments}]\n"
        "try:\n    run()\n"
        "except SystemExit:\n    print('imported:', *{name.split('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    imported = set(told.partition("imported:")[2].split())
    assert {"typer", "paidonce"} <= imported
    assert not imported & {"asyncio", "httpx", "jinja2", "msgspec", "postgast", "psycopg", "redis"}


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"stripe"}))
def test_help_says_exit_codes_examples_and_defaults(command):
    told = helped(command)
    assert "xit code" in told
    for line in HELP[command].examples:
        assert f"$ {line}" in told
    # A terminal's markup takes what stands in brackets for its own, unless that is said to it.
    for param in COMMANDS[command].params:
        for default in re.findall(r"\[default: [^\]]*\]", param.help or ""):
            assert default in told, param.name


def test_the_page_of_all_commands_is_current():
    spec = importlib.util.spec_from_file_location("command_pages", ROOT / "docs/command_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "commands.md").read_text()
    assert page == module.page(), "run: python docs/command_pages.py"
    for command in COMMANDS:
        missing = {o for o in options(command) - {"--help", "-h"} if f"`{o}`" not in page}
        assert not missing, command


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_docs_name_no_option_that_is_not_there(path):
    for command, option in used(path.read_text()):
        assert option in options(command), f"paidonce {command} {option}"
