"""Extras: what is installed besides by ``pip install 'paidonce[NAME]'``, and asked for here.

A gate in CI checks a target file, and that needs neither Locust nor the reference service.
"""

from __future__ import annotations

import importlib.util

from paidonce.harness.errors import Unavailable

_NEEDED = {
    "reference": ("fastapi", "sqlalchemy", "stripe", "urllib3", "uvicorn"),
    "load": ("locust", "hdrh"),
    "containers": ("testcontainers",),
}
_FOR = {
    "reference": "the reference service, on which scenarios are played",
    "load": "load runs",
    "containers": "backends in containers",
}


def need(extra: str) -> None:
    """Raises ``Unavailable``, which names the extra, where a library of it is not installed."""
    lacking = [name for name in _NEEDED[extra] if importlib.util.find_spec(name) is None]
    if lacking:
        raise Unavailable(
            _FOR[extra],
            f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not installed",
            f"Install the extra: {how_to_install(extra)}",
        )


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'paidonce[{extra}]'"
