"""Pages for people, as they are sent."""

from __future__ import annotations

from html import escape

from paidonce.harness.simulator.wire.messages import HTML, Reply

PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; form-action 'self' http: https:",
    "x-content-type-options": "nosniff",
}


def page(status: int, title: str, body: str) -> Reply:
    """A page of that title; ``body`` is HTML."""
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        "<style>body{font:16px system-ui;margin:3em auto;max-width:40em}</style>"
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    return Reply(status, text.encode(), PAGE_HEADERS, HTML)


def sendable(url: str) -> bool:
    """Return whether a header can carry it: what none can was not an address."""
    return url.isascii() and url.isprintable()
