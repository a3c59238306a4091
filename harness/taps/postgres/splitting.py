"""A gate may also say whether what is sent as one is carried out as two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from paidonce.harness.taps.gate import Gate
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.units import Statement


@runtime_checkable
class SplittingGate(Gate, Protocol):
    """A gate that says what is to be held between what it does and its commit.

    It is asked before there is a unit, of statements that came whole on a session at rest.
    """

    def commits_apart(self, session: Session, statements: Sequence[Statement]) -> bool:
        """Return whether what commits by itself is committed as a unit of its own."""
        ...

    def checks_first(self, session: Session, statements: Sequence[Statement]) -> bool:
        """Return whether what their commit would look at is looked at in a unit before it."""
        ...
