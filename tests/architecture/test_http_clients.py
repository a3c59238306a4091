"""Who speaks HTTP by which library: what docs/architecture.md gives a reason for, and no more."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("harness", "reports", "scenarios", "reference_service")
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
    ("harness/taps/stripe/tap.py", "h11"),
    ("harness/load/generate/clients.py", "geventhttpclient"),
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
    used = set()
    for part in PRODUCT:
        for path in sorted((ROOT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Import(names=names):
                        modules = [alias.name for alias in names]
                    case ast.ImportFrom(module=str(module)):
                        modules = [module]
                    case _:
                        continue
                where = path.relative_to(ROOT).as_posix()
                used |= {(where, name) for name in map(library, modules) if name is not None}
    assert used == ALLOWED


def test_the_documentation_names_each_of_them() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text.partition("## HTTP\n")[2].partition("\n## ")[0]
    assert not [name for _, name in sorted(ALLOWED) if f"`{name}`" not in section]
