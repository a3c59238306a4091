"""The things that happen by themselves once their time has come."""

from __future__ import annotations

import heapq

from paidonce.harness.simulator.domain import checkout
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.intents import cancel
from paidonce.harness.simulator.domain.state import World


def run_due(world: World) -> None:
    """Do what the agenda says for the time until now."""
    now = world.clock()
    while world.agenda and world.agenda[0].at <= now:
        due = heapq.heappop(world.agenda)
        match due.what:
            case "session":
                if world.sessions[due.subject].status == "open":
                    checkout.expire(world, due.subject, BY_ITSELF)
            case "settle":
                if world.intents[due.subject].status == "processing":
                    checkout.settle(world, due.subject)
            case "expire":
                _expire(world, due.subject)


def _expire(world: World, identifier: str) -> None:
    """Let an authorization go that was not captured in time."""
    intent = world.intents[identifier]
    if intent.status != "requires_capture":
        return
    assert intent.latest_charge is not None
    world.emit("charge.expired", world.charges[intent.latest_charge], BY_ITSELF)
    cancel(world, identifier, "expired", BY_ITSELF)
