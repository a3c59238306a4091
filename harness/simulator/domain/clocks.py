"""Test clocks: a time of their own for the customers that were made with one.

Source: https://docs.stripe.com/billing/testing/test-clocks and
https://docs.stripe.com/api/test_clocks. What is done for such a customer happens at the time of the
clock, and what is due then happens when the clock is advanced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from paidonce.harness.simulator.domain.billing_objects import TestClock
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

_KEPT_SECONDS = 30 * 86_400


def require(world: World, identifier: str, *, status: int = 404) -> TestClock:
    """The clock of that id; 404 (or ``status``) ``resource_missing`` otherwise."""
    clock = world.test_clocks.get(identifier)
    if clock is None or identifier in world.deleted:
        raise no_such("billing clock", identifier, "test_clock", status=status)
    return clock


def create(world: World, frozen_time: int, name: str | None, cause: EventRequest) -> TestClock:
    """A new clock that stands at ``frozen_time``."""
    clock = TestClock(
        id=world.ids.draw("clock_"),
        created=world.now(),
        deletes_after=world.now() + _KEPT_SECONDS,
        frozen_time=frozen_time,
        name=name,
        status_details={},
    )
    world.test_clocks.put(clock)
    world.emit("test_helpers.test_clock.created", clock, cause)
    return clock


def require_later(world: World, identifier: str, frozen_time: int) -> TestClock:
    """The clock, which may be advanced to that time; 400 where it is not later."""
    clock = require(world, identifier)
    if frozen_time <= clock.frozen_time:
        raise StripeError(
            400,
            "The requested frozen time must be later than the current frozen time of the test "
            f"clock ({clock.frozen_time}).",
            param="frozen_time",
        )
    return clock


@contextmanager
def standing(world: World, clock: str | None, at: float) -> Iterator[None]:
    """Have it be the time ``at`` of a test clock; where that is None, of the simulated clock."""
    frame = world.frame
    whose, when = frame.clock, frame.at
    frame.stand(clock, at)
    try:
        yield
    finally:
        if when is None:
            frame.run_on()
        else:
            frame.stand(whose, when)


@contextmanager
def time_of(world: World, customer: str) -> Iterator[None]:
    """Have it be the time in which that customer lives."""
    known = world.customers.get(customer)
    clock = None if known is None else known.test_clock
    if clock is None or world.frame.clock == clock or clock in world.deleted:
        yield
        return
    with standing(world, clock, world.test_clocks[clock].frozen_time):
        yield
