"""The part of ``--help`` beside each command's own words: where it belongs, and how it is used."""

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
    """``panel`` is the heading of the command in the list; ``examples`` are command lines.

    ``summary`` is the first sentence of the command's own docstring, told here as well because the
    list of commands imports none of them.
    """

    panel: str
    summary: str
    examples: tuple[str, ...]


HELP = {
    "prove": Help(
        _SCENARIOS,
        "Play and search every scenario against every guard, and report which guards hold.",
        (
            "paidonce prove",
            "paidonce prove --guard row_lock --scenario two_tabs --load-seconds 0",
        ),
    ),
    "run": Help(
        _SCENARIOS,
        "Play one scenario against one guard, and say what the checkers found.",
        ("paidonce run two_tabs --guard none", "paidonce run two_tabs --guard none --attempts 10"),
    ),
    "list": Help(
        _SCENARIOS,
        "List the scenarios, the guards of the reference service, and the checkers.",
        ("paidonce list",),
    ),
    "init": Help(
        _OWN,
        "Write a first target file, commented: how a service is started, prepared and judged.",
        (
            "paidonce init",
            "paidonce init --command 'node server.js' --schema schema.sql --ready /healthz",
        ),
    ),
    "check": Help(
        _OWN,
        "Check a service that a target file describes; or judge recorded histories again.",
        (
            "paidonce check target.toml",
            "paidonce check target.toml --time 5m --baseline paidonce-baseline.toml",
            "paidonce check paidonce-report/latest/histories/none/two_tabs-1.jsonl",
        ),
    ),
    "schema": Help(
        _OWN, "Write the JSON schema of target files.", ("paidonce schema > target.schema.json",)
    ),
    "explore": Help(
        _RACES,
        "Search every interleaving of the attempts of a scenario, or target, for a broken "
        "invariant.",
        (
            "paidonce explore two_tabs --guard row_lock",
            "paidonce explore target.toml --variant racy --budget 2m",
        ),
    ),
    "predict": Help(
        _RACES,
        "Tell from each attempt alone which orders of two of them could go wrong.",
        ("paidonce predict target.toml", "paidonce predict two_tabs --guard none --explore"),
    ),
    "replay": Help(
        _RACES,
        "Replay a witness: the same schedule, step by step.",
        ("paidonce replay shop.witness.json --times 10",),
    ),
    "step": Help(
        _RACES,
        "Replay a witness one step at a time, and see what each step does.",
        ("paidonce step shop.witness.json",),
    ),
    "export": Help(
        _RACES,
        "Write a counterexample as a test, a spec or a diagram.",
        (
            "paidonce export shop.witness.json --format text",
            "paidonce export shop.witness.json --format pytest --out test_race.py",
        ),
    ),
    "load": Help(
        _LOAD,
        "Put load on guards with Locust, one after the other, and show them side by side.",
        (
            "paidonce load --guard row_lock --guard claim --users 32 --seconds 30",
            "paidonce load --sweep contention=hot,zipf:1.1,distinct --repeat 5",
            "paidonce load shop.toml --try --stripe-latency 20 --repeat 3",
        ),
    ),
    "compare": Help(
        _LOAD,
        "Compare two load runs that were repeated, and say which guards are slower.",
        ("paidonce compare before after --markdown comparison.md",),
    ),
    "merge": Help(
        _LOAD,
        "Put the histories of one load run together: those of all workers, of all machines.",
        ("paidonce merge paidonce-histories/ --out run.jsonl",),
    ),
    "figures": Help(
        _LOAD,
        "Write the figures of a load run as CSV or Parquet.",
        ("paidonce figures paidonce-report/latest --out figures.csv",),
    ),
    "report": Help(
        _OTHER,
        "Write the reports of an earlier run again: HTML, JUnit XML, Markdown, JSON.",
        ("paidonce report paidonce-report/latest", "paidonce report shop.witness.json"),
    ),
    "doctor": Help(
        _OTHER,
        "Say which backends and tools this machine has, in which version, and how to get the rest.",
        ("paidonce doctor",),
    ),
    "stripe": Help(
        _OTHER,
        "Serve the Stripe simulator on this machine until Ctrl-C.",
        ("paidonce stripe --port 12111",),
    ),
    "stripe-check": Help(
        _OTHER,
        "Check servers that say they are Stripe against what Stripe documents.",
        ("paidonce stripe-check http://127.0.0.1:12111",),
    ),
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
