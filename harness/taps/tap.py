"""A tap, as those take it who open, bind and watch it, whatever its protocol.

What its calls mean is no affair of theirs: for that there is a reader of each tap in
``paidonce.harness.explore.control``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from paidonce.harness.history import Recorder
from paidonce.harness.taps.faults import Faults
from paidonce.harness.taps.gate import Call, Gate


class TapSession(Protocol):
    """A connection that is open at a tap. ``id`` numbers the tap's connections from 1."""

    @property
    def id(self) -> int: ...


class Tap(Protocol):
    """Stands before one of a service's dependencies, on a loopback port of its own.

    ``name`` is the ``tap`` of its calls, and of the effects that a history has of them.
    ``on_change`` is called without arguments whenever a call arrives or is answered, or a
    connection opens or closes, so that nobody need poll; ``on_close`` with a session that is over;
    ``on_failure`` with what a gate raised that was asked about a call. The call's connection is
    ended then, and the service takes it for a fault: whoever bound the gate must hear of it.
    """

    name: str
    on_change: Callable[[], None] | None
    on_close: Callable[[TapSession], None] | None
    on_failure: Callable[[Exception], None] | None

    @property
    def faults(self) -> Faults:
        """Return the faults that a gate may return to it, and that it carries out."""
        ...

    @property
    def port(self) -> int:
        """The port it listens on."""
        ...

    @property
    def sessions(self) -> Sequence[TapSession]:
        """The connections that are open, in the order they came."""
        ...

    @property
    def in_flight(self) -> Sequence[Call]:
        """Every connection's call under way: held, or with the dependency."""
        ...

    def peer(self, session: int) -> int | None:
        """Return the port from which the open connection of that number was made, if it has one."""
        ...

    def bind(self, journal: Recorder | None, gate: Gate | None) -> None:
        """Record to ``journal`` and ask ``gate`` from now on (both None: pass, unrecorded)."""
