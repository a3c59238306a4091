"""Writes ``docs/commands.md``: every command and option, from what ``paidonce --help`` says.

    python docs/command_pages.py

A test compares the page with the commands, so that they say the same.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import typer

from paidonce.harness.cli.helping import HELP
from paidonce.harness.cli.main import app
from paidonce.harness.cli.stripe_serving import PORT
from paidonce.harness.simulator.cli import reader

PAGE = Path(__file__).with_name("commands.md")
_SHARED = ("out", "backends", "postgres", "redis", "stripe", "seed")
_FIRST = "explore"
"""The command whose words are used for the options that many commands share."""


def page() -> str:
    """The text of the page."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    lines = [
        "# Commands",
        "",
        "Every command and option, as `paidonce COMMAND --help` tells them.",
        "",
        "| exit code | |",
        "|---|---|",
        "| 0 | valid, or done |",
        "| 1 | invalid |",
        "| 2 | wrong usage, or something needed is missing |",
        "| 3 | unknown: it could not be decided |",
        "| 130 | interrupted; what was found until then is written |",
        "",
        "Options that several commands have:",
        "",
        *_table(p for p in commands[_FIRST].params if p.name in _SHARED),
    ]
    words = {_words(p) for p in commands[_FIRST].params if p.name in _SHARED}
    panel = ""
    for name, told in HELP.items():
        if told.panel != panel:
            panel = told.panel
            lines += ["", f"## {panel}"]
        lines += ["", f"### paidonce {name}", "", _plain(commands[name].help), ""]
        lines += ["```console", *(f"$ {line}" for line in told.examples), "```"]
        if name == "stripe":
            lines += ["", *_rows(_of_simulator())]
            continue
        shared = [p for p in commands[name].params if p.name in _SHARED and _words(p) in words]
        own = [p for p in commands[name].params if p not in shared]
        if own:
            lines += ["", *_table(iter(own))]
        if shared:
            lines += ["", f"Also {', '.join(f'`{p.opts[0]}`' for p in shared)}."]
    return "\n".join(lines) + "\n"


def _table(params: Iterator[typer.core.TyperArgument | typer.core.TyperOption]) -> list[str]:
    return _rows((_spelling(param), _words(param)) for param in params)


def _rows(rows: Iterator[tuple[str, str]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {spelling} | {words} |" for spelling, words in rows)]


def _spelling(param: typer.core.TyperArgument | typer.core.TyperOption) -> str:
    if isinstance(param, typer.core.TyperArgument):
        return f"`{param.metavar or (param.name or '').upper()}`".replace("|", "\\|")
    names = sorted([*param.opts, *param.secondary_opts], key=lambda name: -len(name))
    return ", ".join(f"`{name}`" for name in names if name.startswith("-"))


def _words(param: typer.core.TyperArgument | typer.core.TyperOption) -> str:
    said = _plain(param.help)
    if param.required:
        return f"{said} Required."
    if param.default in (None, (), []) or "[default: " in said or not param.show_default:
        return said
    if param.name == "jobs":
        return f"{said} [default: as many as there are processors]"
    if isinstance(param.default, bool):
        return said
    default = getattr(param.default, "value", param.default)
    return f"{said} [default: {default}]"


def _of_simulator() -> Iterator[tuple[str, str]]:
    for action in reader("paidonce stripe", PORT)._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        name = ", ".join(f"`{one}`" for one in action.option_strings)
        yield name, _plain(action.help or "")


def _plain(text: str | None) -> str:
    """Without the markup of terminals, and with what Markdown would take for its own."""
    plain = re.sub(r"\[/?bold\]", "`", text or "").replace("\\[", "[")
    return re.sub(r"(?<!`)<(\w+)>", r"&lt;\1&gt;", plain).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
