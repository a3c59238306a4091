"""A request under way: who it is, what it asks for, and what is to be done for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.touched import ASKED
from paidonce.harness.simulator.domain.touched_tables import Touched
from paidonce.harness.simulator.endpoints.routes import RouteMatch
from paidonce.harness.simulator.engine.faults import Fault
from paidonce.harness.simulator.engine.idempotency import Record
from paidonce.harness.simulator.engine.simulation import Epoch
from paidonce.harness.simulator.wire.forms import Form
from paidonce.harness.simulator.wire.messages import ApiRequest, Delivery

Prepared = Callable[[World, EventRequest], Any]
"""A request whose parameters are checked: executes it, and gives what is to be encoded."""


class Call:
    """One request under way: who it is and what there is to say about it in the end."""

    __slots__ = (
        "delivery",
        "epoch",
        "executed",
        "fault",
        "id",
        "key",
        "original",
        "received",
        "replayed",
        "request",
        "touched",
    )

    def __init__(self, request: ApiRequest, epoch: Epoch, received: float) -> None:
        self.request = request
        self.epoch = epoch
        self.received = received
        self.id = epoch.world.ids.draw("req_")
        self.key: str | None = None
        self.original: str | None = None
        self.replayed = False
        self.executed: float | None = None
        self.fault: Fault | None = None
        self.delivery: Delivery | None = None
        self.touched = Touched() if ASKED in request.headers else None
        """The objects it reads and writes, where somebody asks."""


class Entered(msgspec.Struct, frozen=True, gc=False):
    """A request that was let in: what it asks for, by whom."""

    match: RouteMatch
    account: str
    form: Form


class CallPlan(msgspec.Struct, frozen=True, gc=False):
    """The call to be executed, and what has to be waited for; delays are in seconds."""

    prepared: Prepared
    form: Form
    record: Record | None
    lock: str | None
    before: float
    held: float
    after: float


class Busy(msgspec.Struct, frozen=True, gc=False):
    """The key is in use, and this request is to wait for the other one's answer."""

    record: Record


class Dropped(Exception):
    """A fault ended the request before it was executed, without an answer."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__()
        self.delivery = delivery
