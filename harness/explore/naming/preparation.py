"""Names for what was made while an execution was prepared: a basket whose id only a cookie has, a
session.

Nobody captured it, and it is there before any attempt moves, so that it can have a name like what
was captured: after the preparation, and its number among what was made then. That is the same in
every execution as long as the preparation does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from paidonce.harness.explore.naming.names import Names
from paidonce.harness.taps.gate import Call, Connection

MAKER = "preparation"


@dataclass
class Preparing:
    """The gate of a service that is being prepared: all passes, and what creates is remembered."""

    _calls: list[Call] = field(default_factory=list)

    def begin(self) -> None:
        """Note that all that came so far was made for every execution of the service, and not for
        this one."""
        self._calls.clear()

    async def request(self, call: Call, connection: Connection) -> None:
        pass

    async def answer(self, call: Call, connection: Connection) -> None:
        self._calls.append(call)

    def tell(self, names: Names, made: Callable[[str, Call], None]) -> None:
        """Name what was made; ``made`` tells of who made what is in a call and in its answer."""
        for call in self._calls:
            made(MAKER, call)
        names.begin()
