"""The format as a JSON schema: the same structs, told to an editor."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from harness.targets.format import TargetFile


def schema() -> str:
    """The JSON schema (draft 2020-12) of target files, as text."""
    found: dict[str, Any] = msgspec.json.schema(TargetFile)
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A target of paidonce",
        **found,
    }
    # Docstrings mark code as reStructuredText does.
    return json.dumps(found, indent=2, ensure_ascii=False).replace("``", "`") + "\n"
