"""Leases that run out: a service that takes some is searched again, with time that ends them.

In a search nobody is slow, so a lease that attempts take holds for ever, and what comes once it has
run out is not seen. Keys of Redis end when their time has passed, which can be made to pass at any
place of an execution: that is one actor more, as ``[[time]]`` of a target file is. A lease that is
kept in Postgres, or in the service's own hands, ends by nothing that is known here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.leases import Lease
from paidonce.harness.explore.control.time_expressions import LONGEST_S
from paidonce.harness.service.passing import EVERY_LEASE_OVER, Passing


def leases_left(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> frozenset[Lease]:
    """The leases that attempts were seen to take and that no time ends in a search."""
    found = {one for each in worlds for one in each.leases.found.values()}
    found |= set() if elsewhere is None else set(elsewhere.leases.values())
    passing = [one.passing for one in worlds[0].scenario.attempts if one.passing is not None]
    return frozenset(one for one in found if not any(map(one.ended_by, passing)))


def seconds_to_end(leases: Collection[Lease]) -> float:
    """Return the seconds after which all of ``leases`` are over; 0 where there is none, or where
    one of them does not end by time that passes around the service."""
    longest = max(
        (LONGEST_S if one.seconds is None else one.seconds for one in leases), default=0.0
    )
    return longest if all(one.ended_by(Passing(longest)) for one in leases) else 0.0


def lapsing(
    worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None = None
) -> list[ServiceWorlds]:
    """The same worlds with time that passes until all leases are over; none where leases are known
    not to matter, where there are none, or where some do not end so."""
    seconds = seconds_to_end(leases_left(worlds, elsewhere))
    named = any(one.name == EVERY_LEASE_OVER for one in worlds[0].scenario.attempts)
    if worlds[0].bench.subject.leases_hold or not seconds or named:
        return []
    lapsed = [each.telling(each.scenario) for each in worlds]
    for each in lapsed:
        each.lapse(seconds)
    return lapsed
