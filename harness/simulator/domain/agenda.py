"""The things that happen by themselves once their time has come."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from paidonce.harness.simulator.domain import (
    checkout,
    clocks,
    collecting,
    coupons,
    direct_charges,
    disputes,
    payouts,
    refunds,
    renewing,
    subscriptions,
)
from paidonce.harness.simulator.domain.billing_objects import TestClock
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.intents import give_up
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World


def run_due(world: World) -> None:
    """Do what the agenda says for the time until now, each at its time, however late it is."""
    now = world.clock()
    while world.agenda and world.agenda[0].at <= now:
        due = heapq.heappop(world.agenda)
        with clocks.standing(world, None, due.at):
            _DOES[due.what](world, due.subject)


def advance(world: World, clock: str, to: int, cause: EventRequest) -> TestClock:
    """Let the time of a test clock pass, and do what is due in between, each at its time.

    The answer is the clock as it is while it is advancing; it is ready when next looked at.
    """
    began = clocks.require_later(world, clock, to)
    advancing = clocks.replace(
        began,
        frozen_time=to,
        status="advancing",
        status_details={"advancing": {"target_frozen_time": to}},
    )
    world.test_clocks.put(advancing)
    world.emit("test_helpers.test_clock.advancing", advancing, cause)
    agenda = world.agenda_of[clock]
    while agenda and agenda[0].at <= to:
        due = heapq.heappop(agenda)
        with clocks.standing(world, clock, due.at):
            _DOES[due.what](world, due.subject)
    ready = clocks.replace(advancing, status="ready", status_details={})
    world.test_clocks.put(ready)
    world.emit("test_helpers.test_clock.ready", ready, BY_ITSELF)
    return advancing


def _session(world: World, identifier: str) -> None:
    if world.sessions[identifier].status == "open":
        checkout.expire(world, identifier, BY_ITSELF)


def _settle(world: World, identifier: str) -> None:
    if world.intents[identifier].status == "processing":
        checkout.settle(world, identifier)


def _expire(world: World, identifier: str) -> None:
    """Let an authorization go that was not captured in time."""
    intent = world.intents[identifier]
    if intent.status != "requires_capture":
        return
    assert intent.latest_charge is not None
    world.emit("charge.expired", world.charges[intent.latest_charge], BY_ITSELF)
    give_up(world, identifier, "expired", BY_ITSELF)


def _unanswered(world: World, identifier: str) -> None:
    if world.refunds[identifier].status == "requires_action":
        checkout.unanswered(world, identifier, BY_ITSELF)


_DOES: dict[str, Callable[[World, str], None]] = {
    "session": _session,
    "settle": _settle,
    "expire": _expire,
    "finalize": collecting.advance,
    "retry": collecting.retry,
    "renew": renewing.renew,
    "trial": renewing.warn,
    "cancel": renewing.cancel,
    "unpause": renewing.unpause,
    "incomplete": subscriptions.expire,
    "coupon": coupons.lapse,
    "promotion_code": coupons.lapse_code,
    "payout": payouts.arrive,
    "dispute": disputes.expire,
    "refund": refunds.settle,
    "unanswered_refund": _unanswered,
    "expire_charge": direct_charges.expire,
}
"""By what is due."""
