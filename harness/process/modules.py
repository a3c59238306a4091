"""The command line of one of our own modules as a child, whatever the current folder holds."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import paidonce

_ROOT = Path(*paidonce.__path__).parent
"""The folder that holds the ``paidonce`` package: ``src`` of a checkout, or site-packages."""


def command(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, str]]:
    """The argv and environment that run ``python -m module`` with this interpreter.

    ``-P`` keeps the current folder out of ``sys.path``: a user's own ``locust`` or ``uvicorn``
    module must not be taken for the one that is wanted. ``environment`` is the base (default:
    this process's).
    """
    base = dict(os.environ if environment is None else environment)
    inherited = base.get("PYTHONPATH")
    base["PYTHONPATH"] = f"{_ROOT}{os.pathsep}{inherited}" if inherited else str(_ROOT)
    return [sys.executable, "-P", "-m", module, *arguments], base
