"""SARIF 2.1.0, for code scanning and for editors. Pure.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; what GitHub reads of it:
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from paidonce import harness
from paidonce.harness.checkers import CHECKERS, target_tables
from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.findings import Finding, Level

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.ACCEPTED: "error"}
_OTHERS = {
    "undecided": "It could not be decided",
    "declared": "What the target file claims of a variant is so",
}


def sarif(
    assessed: Assessment,
    *,
    target: str,
    file: str,
    line: Callable[[Finding], int],
    invariants: Mapping[str, str],
    replay: Callable[[Finding], str | None],
) -> bytes:
    """The log. ``invariants`` are the conditions by name, all of them: a rule for each, so that
    a reader can tell what held from what was not looked at."""
    others = {name: CHECKERS[name].title for name in target_tables()} | _OTHERS
    rules = [_rule(f"invariant/{name}", name, check) for name, check in invariants.items()]
    rules += [_rule(name, text, text) for name, text in others.items()]
    places = {rule["id"]: number for number, rule in enumerate(rules)}

    def result(one: Finding) -> dict[str, Any]:
        rule = one.what if one.what in others else f"invariant/{one.what}"
        again = replay(one)
        said = f"{one.variant}: {one.reason}"
        made: dict[str, Any] = {
            "ruleId": rule,
            "level": _LEVELS[one.level],
            "message": {"text": said if again is None else f"{said}\nReplay it: {again}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(file)},
                        "region": {"startLine": line(one)},
                    },
                    "logicalLocations": [{"name": one.variant, "kind": "member"}],
                }
            ],
            "partialFingerprints": {"paidonceFinding/v1": _fingerprint(f"{target}\n{one.id}")},
        }
        if rule in places:
            made["ruleIndex"] = places[rule]
        if one.accepted:
            made["suppressions"] = [{"kind": "external", "justification": one.accepted}]
        return made

    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "paidonce",
                        "version": harness.__version__,
                        "rules": rules,
                    }
                },
                "columnKind": "unicodeCodePoints",
                "automationDetails": {"id": f"paidonce/{target}/"},
                "results": [result(finding) for finding in assessed.findings],
            }
        ],
    }
    return msgspec.json.format(msgspec.json.encode(log), indent=1) + b"\n"


def _rule(identity: str, name: str, text: str) -> dict[str, Any]:
    return {
        "id": identity,
        "shortDescription": {"text": name},
        "fullDescription": {"text": text},
        "defaultConfiguration": {"level": "error"},
    }


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
