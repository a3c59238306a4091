"""A recorded history in memory, with the views checkers and reports ask for."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeVar

import msgspec

from paidonce.harness.history.events import (
    Completed,
    Ended,
    Event,
    Header,
    Invoked,
    Outcome,
)

T = TypeVar("T")


class Operation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An invocation and, if it came, its completion.

    ``invoked_at`` and ``completed_at`` are positions in ``History.events``; the latter is None
    when no completion was recorded, which is the same as an ``UNKNOWN`` outcome.
    """

    invoked: Invoked
    completed: Completed | None
    invoked_at: int
    completed_at: int | None

    @property
    def outcome(self) -> Outcome:
        """Return how it ended, as far as is known."""
        return Outcome.UNKNOWN if self.completed is None else self.completed.outcome


class History:
    """An immutable sequence of events, the first of which is the header.

    ``truncated`` tells that something of the file is missing: its last line was torn (the recorder
    died while it wrote), or a line is gone. Raises ``ValueError`` where there is no header.
    """

    def __init__(self, events: Sequence[Event], *, truncated: bool = False) -> None:
        if not events or not isinstance(events[0], Header):
            raise ValueError("a history starts with its header")
        self.events = tuple(events)
        self.truncated = truncated

    @property
    def header(self) -> Header:
        """Return the header, which has all it takes to judge the history by itself."""
        first = self.events[0]
        assert isinstance(first, Header)
        return first

    @property
    def complete(self) -> bool:
        """Return whether the recorder said it had finished, and nothing is torn."""
        return not self.truncated and isinstance(self.events[-1], Ended)

    def of(self, kind: type[T]) -> Iterator[tuple[int, T]]:
        """All events of one type, each with its position, in recorded order."""
        positions = self._asked.get(kind)
        if positions is None:
            arrays = [at for type_, at in self._positions.items() if issubclass(type_, kind)]
            positions = (
                arrays[0] if len(arrays) == 1 else sorted(at for each in arrays for at in each)
            )
            self._asked[kind] = positions
        for position in positions:
            event = self.events[position]
            assert isinstance(event, kind)
            yield position, event

    @cached_property
    def _asked(self) -> dict[type, Sequence[int]]:
        """The same for the types that were asked for, which may be several."""
        return {}

    @cached_property
    def _positions(self) -> dict[type, array[int]]:
        """Return where the events of each type are; checkers ask for few of many, and often."""
        positions: dict[type, array[int]] = {}
        for position, event in enumerate(self.events):
            of_its_type = positions.get(type(event))
            if of_its_type is None:
                of_its_type = positions[type(event)] = array("q")
            of_its_type.append(position)
        return positions

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation in the order of invocation."""
        completions: dict[int, tuple[int, Completed]] = {}
        for position, completed in self.of(Completed):
            completions.setdefault(completed.op, (position, completed))
        found = []
        for position, invoked in self.of(Invoked):
            at, completed_or_none = completions.get(invoked.op, (None, None))
            found.append(
                Operation(
                    invoked=invoked,
                    completed=completed_or_none,
                    invoked_at=position,
                    completed_at=at,
                )
            )
        return tuple(found)

    @cached_property
    def by_order(self) -> dict[str, tuple[Operation, ...]]:
        """The operations of each order, in the order of invocation."""
        groups: dict[str, list[Operation]] = {}
        for operation in self.operations:
            groups.setdefault(operation.invoked.order, []).append(operation)
        return {order: tuple(operations) for order, operations in groups.items()}
