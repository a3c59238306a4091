"""Reads the units that arrive at the tap before a replica of the service's Postgres.

Nothing is written there, and no row is locked. What a statement sees is what the replica has
replayed, so it looks at the replica as a whole, which moves on in steps of its own. Advisory locks
a replica has (manual, section 26.4.1), but nobody asks it who waits for whom: they are named.
"""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.explore.control.attempts import Arrival, Player
from paidonce.harness.explore.control.failures import Possible
from paidonce.harness.explore.control.readers.postgres import PostgresReader
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.sql.calls import ADVISORY
from paidonce.harness.explore.search.world import Tenure
from paidonce.harness.results.words import quoted
from paidonce.harness.taps.postgres import Unit

_LOOKS = Footprint(looks=frozenset({Resource(("replica",))}))


class ReplicaReader(PostgresReader):
    """A unit that looks at anything looks at the replica; nobody waits, and nothing fails."""

    def touches(self, call: Unit, arrival: Arrival) -> Footprint:
        return _seen(super().touches(call, arrival))

    def read(self, call: Unit, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        if any(lock.place[:1] == (ADVISORY,) for lock in super().touches(call, arrival).locks):
            self.reading.disturbs(
                f"replica lock {call.label}",
                f"{quoted(call.label)} takes an advisory lock at the replica, which nobody has "
                "at the "
                "primary, and who else wants it there was not tried (take it at the primary)",
            )
        return super().read(call, arrival, owner)

    def expected(self, call: Unit, arrival: Arrival) -> Footprint:
        return _seen(super().expected(call, arrival))

    def passing(self, call: Unit, arrival: Arrival) -> Footprint:
        return self.expected(call, arrival)

    def faults(self, call: Unit, arrival: Arrival) -> Iterable[Possible]:
        return ()

    def ends(self, call: Unit, arrival: Arrival) -> Footprint:
        return LOCAL

    def failed(self, call: Unit, arrival: Arrival) -> Footprint:
        return _seen(super().failed(call, arrival))

    def deferred(self, call: Unit, arrival: Arrival, actor: str) -> bool:
        return False

    def past(self, call: Unit, arrival: Arrival, actor: str) -> tuple[Tenure, ...]:
        return ()

    def waits(self, call: Unit, arrival: Arrival) -> None:
        """Nobody waits there for a lock of another's."""

    def touched(self, call: Unit, arrival: Arrival) -> Footprint:
        return _seen(super().touched(call, arrival))

    async def hidden(self, call: Unit, arrival: Arrival) -> Footprint:
        return LOCAL

    def pid(self, call: Unit) -> int | None:
        return None

    def holds_locks(self, session: str) -> bool:
        return False

    def held(self, session: str) -> frozenset[Resource]:
        return frozenset()

    def closed(self, session: str) -> Footprint:
        super().closed(session)
        return LOCAL


def _seen(touched: Footprint) -> Footprint:
    return _LOOKS if touched.looks or touched.publishes else LOCAL
