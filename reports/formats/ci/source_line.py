"""Where in a target file a finding belongs. Pure."""

from __future__ import annotations

import json
import re

from paidonce.harness.checkers import telling
from paidonce.harness.results.findings import Finding


def line_of(finding: Finding, text: str) -> int:
    """The line, from 1, of the invariant in the target file's text; else of the variant."""
    name = rf"""name\s*=\s*(?:{re.escape(json.dumps(finding.what))}|'{re.escape(finding.what)}')"""
    wanted = [rf"^\s*{name}", rf"^.*{name}"]
    table = telling(finding.what).table
    if table:
        wanted = [rf"^\s*\[\[?{table}\]\]?"]
    wanted += [rf"^\s*\[variants\.[\"']?{re.escape(finding.variant)}[\"']?\]", r"^\s*name\s*="]
    for pattern in wanted:
        match = re.search(pattern, text, re.MULTILINE)
        if match is not None:
            return text.count("\n", 0, match.end()) + 1
    return 1
