"""Executes what was let in, and keeps its answer under the idempotency key."""

from __future__ import annotations

import sys
import traceback

import msgspec

from paidonce.harness.simulator.api.call import Call, CallPlan
from paidonce.harness.simulator.domain.errors import (
    Refused,
    StripeError,
    injected,
    internal,
    stopping,
)
from paidonce.harness.simulator.domain.objects import ErrorObject, EventRequest
from paidonce.harness.simulator.domain.seeding import seed
from paidonce.harness.simulator.domain.touched import watched
from paidonce.harness.simulator.engine import faults
from paidonce.harness.simulator.engine.faults import When
from paidonce.harness.simulator.engine.idempotency import Record, Stored
from paidonce.harness.simulator.engine.simulation import Simulation

_encoder = msgspec.json.Encoder()


class _Envelope(msgspec.Struct, frozen=True):
    error: ErrorObject


def at_once(simulation: Simulation, call: Call, plan: CallPlan) -> Stored:
    """Execute what need not wait for anything."""
    record, stored = plan.record, None
    try:
        stored = _run(simulation, call, plan)
    finally:
        _end(call, record, stored)
    return stored


async def execute(simulation: Simulation, call: Call, plan: CallPlan) -> Stored:
    """Wait, execute, wait; the key is in use until the answer is about to leave."""
    stored, taken = None, call.epoch.locks
    try:
        await simulation.pause(plan.before)
        if plan.lock is not None:
            await taken.acquire(plan.lock, simulation.settings.lock_wait_ms / 1000)
        try:
            await simulation.pause(plan.held)
            if simulation.stopping:
                raise stopping()
            stored = _run(simulation, call, plan)
        finally:
            if plan.lock is not None:
                taken.release(plan.lock)
        await simulation.pause(plan.after)
    finally:
        # A request cut short after it took effect keeps its answer: its effect is real.
        _end(call, plan.record, stored)
    return stored


def _end(call: Call, record: Record | None, stored: Stored | None) -> None:
    if record is None:
        return
    if stored is None:
        call.epoch.keys.abandon(record)
        call.original = None
    else:
        call.epoch.keys.finish(record, stored)


def _run(simulation: Simulation, call: Call, plan: CallPlan) -> Stored:
    """Execute and encode, without a chance for any other request to come in between.

    Raises ``Refused`` for an injected error that is not to be stored.
    """
    fault = call.fault if isinstance(call.fault, faults.ErrorFault) else None
    if fault is not None and fault.when is When.BEFORE:
        return _injected(fault)
    now = call.executed = simulation.clock()
    cause, world = EventRequest(id=call.id, idempotency_key=call.key), call.epoch.world
    world.frame.stand(None, now)  # all of it happens at one moment
    if call.touched is not None:
        world = watched(world, call.touched)
    try:
        if simulation.settings.seed_ids:
            seed(world, call.request.method, call.request.path, plan.form)
        stored = Stored(200, _encoder.encode(plan.prepared(world, cause)))
    except StripeError as error:
        stored = stored_error(error)
    except Exception as defect:  # one of ours: a 500, as a defect of Stripe's would be
        traceback.print_exc(file=sys.stderr)
        stored = stored_error(internal(defect))
    finally:
        world.frame.run_on()
    return stored if fault is None else _injected(fault)


def _injected(fault: faults.ErrorFault) -> Stored:
    error = injected(fault.status, fault.should_retry, stored=fault.stored)
    if isinstance(error, Refused):
        raise error
    return stored_error(error)


def stored_error(error: StripeError) -> Stored:
    """The answer that an error becomes."""
    return Stored(error.status, _encoder.encode(_Envelope(error.error)), error.headers)
