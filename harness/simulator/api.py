"""From a request to Stripe's API to its answer.

The order of the steps decides what is remembered and what is not::

    route ─ key ─ limits ─ version ─ parameters ─ idempotency key ─ checks ─┬─ latency before
    404     401   429      400       400          400/409/replay    400     │  lock, latency held
                                                                            │  execution (atomic)
                                                                            │  latency after
    nothing is stored for these ────────────────────────────────────────────┘  stored, answered

Most requests have nothing to wait for, and are answered without leaving the function that took
them; the others become coroutines. In these, awaits happen in the latencies, for a lock, and, if
so configured, for another request with the same idempotency key; nowhere else.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from harness.simulator import faults, idempotency, locks, routes
from harness.simulator.auth import authenticate
from harness.simulator.errors import (
    Refused,
    StripeError,
    injected,
    internal,
    lock_timeout,
    rate_limited,
    stopping,
    unrecognized,
)
from harness.simulator.faults import Fault, When
from harness.simulator.forms import Form, FormError, decode
from harness.simulator.idempotency import Fingerprint, Record, Stored, WhenBusy
from harness.simulator.objects import ErrorObject, EventRequest
from harness.simulator.params import Params
from harness.simulator.routes import Match
from harness.simulator.simulation import Epoch, Logged, Simulation
from harness.simulator.state import API_VERSION, World
from harness.simulator.wire import Answering, Delivery, Reply, Request, Reset, Silence, Slow

_encoder = msgspec.json.Encoder()

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:\.[a-z]+)?")

Prepared = Callable[[World, EventRequest], Any]


class _Envelope(msgspec.Struct, frozen=True):
    error: ErrorObject


class Dropped(Exception):
    """A fault ended the request before it was executed, without an answer."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__()
        self.delivery = delivery


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
    )

    def __init__(self, request: Request, epoch: Epoch, received: float) -> None:
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


class Plan(msgspec.Struct, frozen=True, gc=False):
    """What is to be executed, and what has to be waited for; delays are in seconds."""

    prepared: Prepared
    record: Record | None
    lock: str | None
    before: float
    held: float
    after: float


class Busy(msgspec.Struct, frozen=True, gc=False):
    """The key is in use, and this request is to wait for the other one's answer."""

    record: Record


class _Entered(msgspec.Struct, frozen=True, gc=False):
    """A request that was let in: what it asks for, by whom."""

    match: Match
    account: str
    form: Form


def answer(simulation: Simulation, request: Request) -> Answering:
    """Answer a request to the API; every ``StripeError`` becomes an answer too."""
    call = Call(request, simulation.epoch, simulation.clock())
    try:
        entered = _enter(simulation, call)
        step = _claim(simulation, call, entered)
        if isinstance(step, Stored):
            stored = step
        elif isinstance(step, Busy) or _waits(call, step):
            return _slowly(simulation, call, entered, step)
        else:
            stored = _at_once(simulation, call, step)
    except StripeError as error:
        stored = _stored_error(error)
    except Dropped as dropped:
        return _dropped(simulation, call, dropped)
    return _reply(simulation, call, stored)


async def _slowly(
    simulation: Simulation, call: Call, entered: _Entered, step: Plan | Busy | Stored
) -> Reply:
    simulation.in_flight += 1
    try:
        while isinstance(step, Busy):
            await step.record.over()
            step = _claim(simulation, call, entered)
        stored = step if isinstance(step, Stored) else await _execute(simulation, call, step)
    except StripeError as error:
        stored = _stored_error(error)
    except Dropped as dropped:
        return _dropped(simulation, call, dropped)
    finally:
        simulation.in_flight -= 1
    return _reply(simulation, call, stored)


def _enter(simulation: Simulation, call: Call) -> _Entered:
    """Everything that comes before the idempotency key. Raises ``Refused`` or ``Dropped``."""
    request = call.request
    match = routes.find(request.method, request.path)
    if match is None:
        raise unrecognized(request.method, request.path)
    account = authenticate(request.headers.get("authorization"))
    simulation.limits.check(simulation.in_flight)
    _check_version(request.headers.get("stripe-version"))
    form = _parameters(request)
    if request.method == "POST":
        key = request.headers.get("idempotency-key")
        if key is not None:
            idempotency.check_key(key)
            call.key = key
    if simulation.faults or faults.HEADER in request.headers:
        call.fault = _fault(simulation, call, form)
        _meet_early(call)
    return _Entered(match, account, form)


def _fault(simulation: Simulation, call: Call, form: Form) -> Fault | None:
    request = call.request
    asked = request.headers.get(faults.HEADER)
    if asked is None:
        return simulation.faults.choose(request.method, request.path, call.key, form)
    try:
        return faults.from_header(asked)
    except ValueError as error:
        raise Refused(400, str(error)) from error


def _meet_early(call: Call) -> None:
    """What a fault does before anything else can happen, and how the answer will go."""
    match call.fault:
        case faults.ResetFault(when=When.BEFORE):
            raise Dropped(Reset())
        case faults.SilenceFault(when=When.BEFORE):
            raise Dropped(Silence())
        case faults.RateLimitFault():
            raise rate_limited("global-rate")
        case faults.LockFault():
            raise lock_timeout()
        case faults.ResetFault():
            call.delivery = Reset()
        case faults.SilenceFault():
            call.delivery = Silence()
        case faults.SlowFault(bytes=size, pause=pause):
            call.delivery = Slow(size, pause)
        case _:
            pass


def _claim(simulation: Simulation, call: Call, entered: _Entered) -> Plan | Busy | Stored:
    """Look under the key, check the parameters, and take the key. Raises ``Refused``."""
    request, record = call.request, None
    if call.key is not None:
        keys = call.epoch.keys
        fingerprint = Fingerprint.of(request.method, request.path, entered.form)
        found = keys.find(entered.account, call.key, fingerprint, simulation.clock())
        if found is not None and found.answer is not None:
            call.original, call.replayed = found.request_id, True
            return found.answer
        if found is not None:
            if simulation.settings.when_busy is WhenBusy.CONFLICT:
                raise idempotency.in_use(call.key)
            return Busy(found)
    endpoint, identifier = entered.match.endpoint, entered.match.identifier
    prepared = endpoint.prepare(Params(entered.form), identifier)
    if call.key is not None:
        record = keys.begin(entered.account, call.key, fingerprint, call.id, simulation.clock())
        call.original = call.id
    lock = locks.subject(call.epoch.world, request.method, endpoint.kind, identifier, entered.form)
    latency = call.fault if isinstance(call.fault, faults.LatencyFault) else simulation.latency
    if latency is None:
        return Plan(prepared, record, lock, 0, 0, 0)
    delay = simulation.delay
    before, held, after = delay(latency.before), delay(latency.held), delay(latency.after)
    half = delay(latency.around) / 2
    return Plan(prepared, record, lock, before + half, held, after + half)


def _waits(call: Call, plan: Plan) -> bool:
    if plan.before > 0 or plan.held > 0 or plan.after > 0:
        return True
    return plan.lock is not None and call.epoch.locks.held(plan.lock)


def _at_once(simulation: Simulation, call: Call, plan: Plan) -> Stored:
    """Execute what need not wait for anything."""
    record, stored = plan.record, None
    try:
        stored = _run(simulation, call, plan.prepared)
    finally:
        _end(call, record, stored)
    return stored


async def _execute(simulation: Simulation, call: Call, plan: Plan) -> Stored:
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
            stored = _run(simulation, call, plan.prepared)
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


def _run(simulation: Simulation, call: Call, prepared: Prepared) -> Stored:
    """Execute and encode, without a chance for any other request to come in between.

    Raises ``Refused`` for an injected error that is not to be stored.
    """
    fault = call.fault if isinstance(call.fault, faults.ErrorFault) else None
    if fault is not None and fault.when is When.BEFORE:
        return _injected(fault)
    call.executed = simulation.clock()
    cause = EventRequest(id=call.id, idempotency_key=call.key)
    try:
        stored = Stored(200, _encoder.encode(prepared(call.epoch.world, cause)))
    except StripeError as error:
        stored = _stored_error(error)
    except Exception as defect:
        traceback.print_exc(file=sys.stderr)
        stored = _stored_error(internal(defect))
    return stored if fault is None else _injected(fault)


def _injected(fault: faults.ErrorFault) -> Stored:
    error = injected(fault.status, fault.should_retry, stored=fault.stored)
    if isinstance(error, Refused):
        raise error
    return _stored_error(error)


def _parameters(request: Request) -> Form:
    try:
        form = decode(request.query)
        if request.body and request.method != "GET":
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in ("", "application/x-www-form-urlencoded"):
                raise Refused(
                    400,
                    f"Request bodies must be form-encoded (application/x-www-form-urlencoded), not "
                    f"{kind}.",
                )
            form |= decode(request.body)
    except FormError as error:
        raise Refused(400, f"Invalid request: {error}.") from error
    return form


def _check_version(version: str | None) -> None:
    if version is not None and not _VERSION.fullmatch(version):
        raise Refused(400, f"Invalid Stripe API version: {version}")


def _stored_error(error: StripeError) -> Stored:
    return Stored(error.status, _encoder.encode(_Envelope(error.error)), error.headers)


def _reply(simulation: Simulation, call: Call, stored: Stored) -> Reply:
    _log(simulation, call, stored.status)
    headers = _headers(call, stored)
    return Reply(stored.status, stored.body, headers, delivery=call.delivery)


def _dropped(simulation: Simulation, call: Call, dropped: Dropped) -> Reply:
    _log(simulation, call, 0)
    return Reply(500, b"", delivery=dropped.delivery)


def _headers(call: Call, stored: Stored) -> dict[str, str]:
    headers = {
        "request-id": call.id,
        "stripe-version": call.request.headers.get("stripe-version", API_VERSION),
    }
    if call.key is not None:
        headers["idempotency-key"] = call.key
        if call.original is not None:
            headers["original-request"] = call.original
        if call.replayed:
            headers["idempotent-replayed"] = "true"
    if stored.headers:
        headers |= stored.headers
    if stored.status == 401:
        headers["www-authenticate"] = 'Basic realm="Stripe"'
    return headers


def _log(simulation: Simulation, call: Call, status: int) -> None:
    if call.epoch is not simulation.epoch:
        return
    answered = simulation.clock()
    simulation.log.append(
        Logged(
            id=call.id,
            method=call.request.method,
            path=call.request.path,
            status=status,
            idempotency_key=call.key,
            replayed=call.replayed,
            received=call.received,
            executed=call.executed,
            answered=answered,
            fault=call.fault,
        )
    )
    simulation.answered += 1
    simulation.busy_seconds += answered - call.received
