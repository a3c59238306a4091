"""Who speaks HTTP by which library: what docs/architecture.md gives a reason for, and no more."""

from __future__ import annotations

from product import ROOT, facts

LIBRARIES = (
    "aiohttp",
    "geventhttpclient",
    "h11",
    "http.client",
    "httptools",
    "httpx",
    "urllib.request",
)
ALLOWED = {
    ("harness/http/client.py", "httptools"),
    ("harness/http/once.py", "http.client"),
    ("harness/simulator/http/protocol.py", "httptools"),
    ("harness/taps/stripe/requests.py", "httptools"),
    ("harness/load/generate/sending.py", "geventhttpclient"),
    ("harness/backends/localstripe_launcher.py", "aiohttp"),
    ("harness/backends/stripe_url.py", "httpx"),
    ("harness/conformance/client.py", "httpx"),
    ("harness/conformance/races.py", "httpx"),
    ("harness/conformance/running.py", "httpx"),
    ("harness/simulator/engine/webhooks.py", "httpx"),
}


def library(module: str) -> str | None:
    """Return the HTTP library that ``module`` belongs to, if it is of one."""
    return next((one for one in LIBRARIES if f"{module}.".startswith(f"{one}.")), None)


def test_each_http_library_is_used_where_it_has_a_reason() -> None:
    used = {
        (path, name) for path, module in facts().imports if (name := library(module)) is not None
    }
    assert used == ALLOWED


def test_the_documentation_names_each_of_them() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text.partition("## HTTP\n")[2].partition("\n## ")[0]
    assert not [name for _, name in sorted(ALLOWED) if f"`{name}`" not in section]
