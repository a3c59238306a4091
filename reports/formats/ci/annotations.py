"""GitHub's workflow commands: a finding shown beside the line of the target file. Pure.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from paidonce.harness.results.findings import Finding, Level

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.ACCEPTED: "notice"}


def annotation(finding: Finding, file: str, line: int, replay: str | None = None) -> str:
    """One line for a step's output; ``replay`` is the command that shows it again."""
    said = finding.reason
    if finding.accepted:
        said += f"\n{finding.accepted}"
    if replay is not None:
        said += f"\nreplay it: {replay}"
    properties = {"file": file, "line": str(line), "title": f"paidonce: {finding.id}"}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[finding.level]} {listed}::{_data(said)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
