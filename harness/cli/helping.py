"""What ``--help`` says beside each command's own words: where it belongs, and how it is used."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

_SCENARIOS = "Scenarios and guards of the reference service"
_OWN = "Your own service"
_RACES = "One race"
_LOAD = "Load"
_OTHER = "Reports, this machine, other servers"

_NO_VERDICT = "Exit code: 0, or 2 where something is wrong or missing."


@dataclass(frozen=True)
class Help:
    """``panel`` is the heading of the command in the list; ``examples`` are command lines."""

    panel: str
    examples: tuple[str, ...]


HELP = {
    "prove": Help(
        _SCENARIOS,
        (
            "paidonce prove",
            "paidonce prove --guard row_lock --scenario two_tabs --load-seconds 0",
        ),
    ),
    "run": Help(
        _SCENARIOS,
        ("paidonce run two_tabs --guard none", "paidonce run two_tabs --guard none --attempts 10"),
    ),
    "list": Help(_SCENARIOS, ("paidonce list",)),
    "init": Help(
        _OWN,
        (
            "paidonce init",
            "paidonce init --command 'node server.js' --schema schema.sql --ready /healthz",
        ),
    ),
    "check": Help(
        _OWN,
        (
            "paidonce check target.toml",
            "paidonce check target.toml --time 5m --baseline paidonce-baseline.toml",
            "paidonce check paidonce-report/latest/histories/none/two_tabs-1.jsonl",
        ),
    ),
    "schema": Help(_OWN, ("paidonce schema > target.schema.json",)),
    "explore": Help(
        _RACES,
        (
            "paidonce explore two_tabs --guard row_lock",
            "paidonce explore target.toml --variant racy --budget 2m",
        ),
    ),
    "predict": Help(
        _RACES,
        ("paidonce predict target.toml", "paidonce predict two_tabs --guard none --explore"),
    ),
    "replay": Help(_RACES, ("paidonce replay shop.witness.json --times 10",)),
    "step": Help(_RACES, ("paidonce step shop.witness.json",)),
    "export": Help(
        _RACES,
        (
            "paidonce export shop.witness.json --format text",
            "paidonce export shop.witness.json --format pytest --out test_race.py",
        ),
    ),
    "load": Help(
        _LOAD,
        (
            "paidonce load --guard row_lock --guard claim --users 32 --seconds 30",
            "paidonce load --sweep contention=hot,zipf:1.1,distinct --repeat 5",
        ),
    ),
    "compare": Help(_LOAD, ("paidonce compare before after --markdown comparison.md",)),
    "merge": Help(_LOAD, ("paidonce merge paidonce-histories/ --out run.jsonl",)),
    "figures": Help(_LOAD, ("paidonce figures paidonce-report/latest --out figures.csv",)),
    "report": Help(
        _OTHER,
        ("paidonce report paidonce-report/latest", "paidonce report shop.witness.json"),
    ),
    "doctor": Help(_OTHER, ("paidonce doctor",)),
    "stripe": Help(_OTHER, ("paidonce stripe --port 12111",)),
    "stripe-check": Help(_OTHER, ("paidonce stripe-check http://127.0.0.1:12111",)),
}
"""By command, in the order of the list."""


def words(command: Callable[..., object]) -> str:
    """The docstring with its lines joined: a terminal breaks them where it has to."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    told = [" ".join(paragraph.split()) for paragraph in paragraphs]
    if "xit code" not in " ".join(told):
        told.append(_NO_VERDICT)
    return "\n\n".join(told)


def epilog(name: str) -> str:
    """The examples, a line each."""
    return "\n".join(["For example:", *(f"  $ {line}" for line in HELP[name].examples)])
