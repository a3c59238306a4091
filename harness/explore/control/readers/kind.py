"""A kind of tap, as it is registered: how it is opened, and what is to be done with it in an
execution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paidonce.harness.explore.control.readers.base import CallReader, Reading
from paidonce.harness.testbed.openers import Opener


@dataclass(frozen=True)
class TapKind:
    """A kind of tap, by the ``name`` of its calls."""

    name: str
    server: str
    """The name of the server behind it, for people."""
    reader: Callable[[Reading], CallReader[Any]]
    """Makes what reads its calls in one execution."""
    opener: Opener | None = None
    """Opens it before a service that is to be under control; None where the test bed always has
    one."""
    places: tuple[str, ...] = ()
    """Further placeholders of a target's environment, which its opener fills."""
    stores: bool = False
    """True if it is a store, behind which a service may keep what it knows of its orders."""
    throughout: bool = False
    """True if a history has its calls from the preparation to the last look at what is left."""
    prepares: bool = False
    """True if what is made at it during the preparation is named after that."""
