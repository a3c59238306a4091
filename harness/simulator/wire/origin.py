"""Who may ask for the control API and the pages: this machine, and pages of the simulator's own.

Whoever reaches them can reset everything. A page from elsewhere that lets its own name lead to
127.0.0.1 (DNS rebinding) is of the same origin for the browser, which then sends whatever header
that page likes; what it cannot choose is the name it was loaded by, which is in ``Host``.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from paidonce.harness.simulator.wire.messages import ApiRequest


def stranger(request: ApiRequest, *, followed: bool = False) -> str:
    """Return why the request is not to be answered, in words; empty if it is.

    ``followed``: a link from elsewhere may lead there, as to the page where a payer is asked.
    Without ``Host`` (HTTP/1.0) no browser asks, nor does one without ``Origin`` and
    ``Sec-Fetch-Site`` (https://fetch.spec.whatwg.org/#origin-header,
    https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header).
    """
    host = request.headers.get("host")
    if host is not None and not _loopback(host):
        return f"Host is '{host[:100]}'; expected a name or an address of this machine's loopback"
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
        return f"Origin is '{origin[:100]}'; expected none, or that of the simulator's own page"
    site = request.headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and not (followed and request.method == "GET"):
        return f"Sec-Fetch-Site is '{site[:100]}'; expected none or same-origin"
    return ""


def _loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    # https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
