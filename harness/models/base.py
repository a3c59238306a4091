"""A sequential specification, as the linearizability search asks for one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeVar

State = TypeVar("State", bound=Hashable)
Call_contra = TypeVar("Call_contra", contravariant=True)


class SequentialModel(Protocol[State, Call_contra]):
    """An object as it behaves when one operation at a time is done to it.

    States are immutable and hashable: the search remembers those it has been in.
    """

    def initial(self) -> State:
        """The state before any operation."""

    def step(self, state: State, operation: Call_contra) -> State | None:
        """The state after ``operation`` with the answer it got, or None if it cannot get it here.

        An operation whose answer is not known is stepped as if it took full effect; that it may
        have had none is for the search to consider.
        """

    def observes(self, operation: Call_contra) -> bool:
        """Return whether ``operation`` only ever looks (a read, a rejection).

        The search places such an operation as soon as it is allowed and leaves the state as it
        is. That loses nothing provided that looking never *adds* to what is possible: whatever
        can follow a look could also have followed without it.
        """

    def signature(self, operation: Call_contra) -> Hashable:
        """Equal for operations, answers included, that ``step`` treats alike in every state."""
