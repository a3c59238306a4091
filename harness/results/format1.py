"""Reads results of format 1, which hold sentences where today's hold data.

This alone takes sentences apart, and it may: those of a file that was written are what they are.
What it looks for is data: the capabilities, and the invariants that the histories' headers state.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.capability import Capability
from paidonce.harness.history import Header
from paidonce.harness.results.proof import RESULTS_FORMAT
from paidonce.harness.verdict import Broken, Violation

FORMAT = 1
_CANNOT_JUDGE = "this run cannot judge it: lacking "
_STAND_IN = "stand-in image"
_INVARIANTS = "invariants"
"""The checker whose every violation has a title."""


class _Witness(msgspec.Struct):
    history: str = ""


def read(data: bytes, folder: Path) -> dict[str, Any]:
    """Return the results in ``data`` as format 2 has them, ready to be converted to a ``Proof``.

    ``folder`` is what the histories' and witnesses' paths are relative to; where those are gone, a
    checker's sentence stays whole. Raises ``msgspec.MsgspecError``.
    """
    proof: dict[str, Any] = decode_json(data, dict[str, Any])
    try:
        return _proof(proof, folder)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise msgspec.ValidationError(f"it is not of format {FORMAT} ({error!r})") from None


def _proof(proof: dict[str, Any], folder: Path) -> dict[str, Any]:
    cells = [
        {
            **cell,
            "runs": [_with_verdicts(run, folder) for run in cell.get("runs", ())],
            "search": cell.get("search") and _search(cell["search"], folder),
        }
        for cell in proof.get("cells", ())
    ]
    beside = [
        {
            **other,
            "proof": other.get("proof")
            and _proof(other["proof"], folder / str(other.get("folder", ""))),
        }
        for other in proof.get("beside", ())
    ]
    machine = proof["machine"]
    stand_ins = [role for role, what in machine.get("backends", {}).items() if _STAND_IN in what]
    return {
        **proof,
        "format": RESULTS_FORMAT,
        "machine": {**machine, "stand_ins": stand_ins},
        "cells": cells,
        "loads": [_with_verdicts(load, folder) for load in proof.get("loads", ())],
        "beside": beside,
    }


def _with_verdicts(run: dict[str, Any], folder: Path) -> dict[str, Any]:
    history = folder / run["history"]
    return {**run, "verdicts": [_verdict(one, history) for one in run.get("verdicts", ())]}


def _verdict(verdict: dict[str, Any], history: Path) -> dict[str, Any]:
    details = dict(verdict.get("details", {}))
    reason = verdict["reason"]
    missing: list[str] = []
    if reason.startswith(_CANNOT_JUDGE):
        missing = [name.value for name in Capability if name.value in reason]
    recorded: list[dict[str, Any]] = details.pop("violations", [])
    for double in ("broken", "findings"):
        details.pop(double, None)
    violations: list[Any] = []
    if verdict["checker"] == _INVARIANTS and recorded:
        violations = msgspec.to_builtins(_apart(reason, history))
    return {
        **verdict,
        "details": details,
        "missing": missing,
        "violations": violations or recorded,
    }


def _search(search: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The search with what broke in data."""
    broken = []
    for text in search.get("broken", ()):
        checker, _, reason = text.partition(": ")
        violations: Sequence[Violation] = ()
        if checker == _INVARIANTS and search.get("witness"):
            violations = _apart(reason, _history_of(folder / search["witness"]))
        one = Broken(checker=checker, reason=reason, violations=tuple(violations))
        broken.append(msgspec.to_builtins(one))
    return {**search, "broken": broken}


def _apart(reason: str, history: Path) -> list[Violation]:
    """Return the violations of the invariants the history states, each with its sentence; nothing
    where the history is gone, or states other ones."""
    begins: list[tuple[int, Violation]] = []
    for title, violation, sentence in _sentences(history):
        at = reason.find(sentence)
        if at == 0 or (at > 0 and reason[:at].endswith("; ")):
            begins.append((at, msgspec.structs.replace(violation, title=title)))
    begins.sort(key=lambda begin: begin[0])
    if not begins or begins[0][0]:
        return []
    ends = [*(at for at, _ in begins[1:]), len(reason)]
    return [
        msgspec.structs.replace(
            violation, reason=reason[at:end].removeprefix(f"{violation.title}: ").removesuffix("; ")
        )
        for (at, violation), end in zip(begins, ends, strict=True)
    ]


def _sentences(history: Path) -> list[tuple[str, Violation, str]]:
    """Each way an invariant can be broken: its title, in data, and how its sentence begins."""
    try:
        with history.open("rb") as file:
            rules = decode_json(file.readline(), Header).rules
    except (OSError, msgspec.MsgspecError):
        return []
    if rules is None:
        return []
    return [
        (
            title := f"{invariant.name} for {whose}" if whose else invariant.name,
            Violation(rule=invariant.name, whose=whose),
            f"{title}: not {invariant.check}, with ",
        )
        for invariant in rules.invariants
        for whose in ("", *rules.attempts)
    ]


def _history_of(witness: Path) -> Path:
    try:
        found = decode_json(witness.read_bytes(), _Witness)
    except (OSError, msgspec.MsgspecError):
        return witness
    return witness.with_name(found.history or witness.name)
