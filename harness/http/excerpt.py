"""The words of a service's answer, in one line of a message."""

from __future__ import annotations

_HTML = (b"<!doctype html", b"<html")


def wrote(lines: str) -> str:
    """The end of a message about an answer that is the service's own fault: its log tells why."""
    return f"; the service wrote last:\n{lines}" if lines else ""


def said(body: bytes, most: int = 200) -> str:
    """The words of an answer's body: of a page its text alone, no line breaks, ``most`` characters.

    A framework's error page begins with a hundred lines that say nothing; its text says what
    happened.
    """
    start = body.lstrip()[:20].lower()
    if start.startswith(_HTML):
        # Imported where needed: it takes 0.1 s to load.
        from bs4 import BeautifulSoup

        page = BeautifulSoup(body, "html.parser")
        for element in page(["script", "style", "title"]):
            element.decompose()
        text = page.get_text(" ")
    else:
        text = body[: most * 8].decode("utf-8", "replace")
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[: most - 1]}…"
