"""The one interface through which calls at a tap are let through: now, later, or in an order.

A tap asks its gate twice per call: before the request goes on, and before the answer does. In
pass mode there is no gate. What a gate does with the question (let go, wait for an event, wait
to be scheduled, say what goes wrong) is its own affair; a tap knows no policy.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from paidonce.harness.taps.faults import AtTap


class Call(Protocol):
    """The part that every call at a tap has in common; each tap's own class says more.

    ``tap`` is the name of its tap; ``seq`` counts a tap's calls from 1; ``label``
    says in a few words what it is, without generated ids. ``attempt`` is whose call it is: only
    a gate can know, so a gate may set it, and the tap records it.
    """

    attempt: str | None

    @property
    def tap(self) -> str: ...

    @property
    def seq(self) -> int: ...

    @property
    def label(self) -> str: ...

    def as_request(self) -> dict[str, Any]:
        """Return what it asks for, as the effect it becomes has it."""
        ...


class Connection(Protocol):
    """The connection a call came on, as far as a gate may know it.

    ``id`` numbers the tap's connections from 1.
    """

    @property
    def id(self) -> int: ...

    def hung_up(self) -> bool:
        """Return whether the service has closed it, so that no answer will be read."""
        ...


class Gate(Protocol):
    """Decides when a call passes a tap, and what goes wrong with it.

    Whatever became of its request, a call that was asked about there is asked about once more as
    an answer: that of the dependency, the error in its place, or none where the connection ended.
    """

    async def request(self, call: Call, connection: Connection) -> AtTap | None:
        """Return when the request may go on to the dependency, or the fault in its place."""
        ...

    async def answer(self, call: Call, connection: Connection) -> AtTap | None:
        """Return when the answer may go on to the service, or the fault in its place."""
        ...


@runtime_checkable
class ForeseeingGate(Gate, Protocol):
    """A gate that is also told of calls that cannot be asked about yet."""

    def queued(self, call: Call, connection: Connection) -> None:
        """``call`` has come, and waits behind another one of its connection."""

    def lost(self, call: Call) -> None:
        """The connection ended before the turn of such a call came."""
