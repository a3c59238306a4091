"""Keeps the page in which a value was not where a target file looks for it."""

from __future__ import annotations

import re
from pathlib import Path

from paidonce.harness.http.client import Answer

_ANYTHING_ELSE = re.compile(r"[^A-Za-z0-9]+")
_KINDS = (("json", "json"), ("html", "html"))
_LONGEST = 60


def keep_page(folder: Path | None, place: str, answer: Answer) -> str:
    """Write the body of an answer into ``folder``, named after ``place``; returns words about it.

    They are empty where there is no folder, or nothing can be written there: what is told is the
    value that is missing, and no trouble of ours beside it.
    """
    if folder is None or not answer.body:
        return ""
    kind = answer.headers.get("content-type", "")
    ending = next((ending for name, ending in _KINDS if name in kind), "txt")
    name = _ANYTHING_ELSE.sub("-", place).strip("-").lower()[-_LONGEST:].lstrip("-")
    path = folder / f"page-{name}.{ending}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer.body)
    except OSError:
        return ""
    return f"; the whole answer is in {path}"
