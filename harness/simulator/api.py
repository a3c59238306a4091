"""From a request to Stripe's API to its answer.

The order of the steps decides what is remembered and what is not::

    route ── key ── version ── parameters ── idempotency key ── checks ──┬── latency before
    404      401    400        400           400/409/replay     400      │   execution (atomic)
                                                                         │   latency after
    nothing is stored for these ─────────────────────────────────────────┘   stored, answered

Awaits happen in the latencies and, if so configured, while waiting for another request with the
same idempotency key; nowhere else.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from harness.simulator import idempotency, routes
from harness.simulator.auth import authenticate
from harness.simulator.errors import Refused, StripeError, internal, stopping, unrecognized
from harness.simulator.forms import Form, FormError, decode
from harness.simulator.idempotency import Fingerprint, Record, Stored, WhenBusy
from harness.simulator.objects import ErrorObject, EventRequest
from harness.simulator.params import Params
from harness.simulator.simulation import Epoch, Logged, Simulation
from harness.simulator.state import API_VERSION, World
from harness.simulator.wire import Reply, Request

_encoder = msgspec.json.Encoder()

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:\.[a-z]+)?")

Prepared = Callable[[World, EventRequest], Any]


class _Envelope(msgspec.Struct, frozen=True):
    error: ErrorObject


class Call:
    """One request under way: who it is and what there is to say about it in the end."""

    __slots__ = ("epoch", "executed", "id", "key", "original", "received", "replayed", "request")

    def __init__(self, request: Request, epoch: Epoch, received: float) -> None:
        self.request = request
        self.epoch = epoch
        self.received = received
        self.id = epoch.world.ids.draw("req_")
        self.key: str | None = None
        self.original: str | None = None
        self.replayed = False
        self.executed: float | None = None


async def answer(simulation: Simulation, request: Request) -> Reply:
    """Answer a request to the API; every ``StripeError`` becomes an answer too."""
    call = Call(request, simulation.epoch, simulation.clock())
    simulation.in_flight += 1
    try:
        stored = await _handle(simulation, call)
    except StripeError as error:
        stored = _stored_error(error)
    finally:
        simulation.in_flight -= 1
    if call.epoch is simulation.epoch:
        simulation.log.append(_logged(call, stored.status, simulation.clock()))
    return Reply(status=stored.status, body=stored.body, headers=_headers(call, stored.status))


async def _handle(simulation: Simulation, call: Call) -> Stored:
    request = call.request
    match = routes.find(request.method, request.path)
    if match is None:
        raise unrecognized(request.method, request.path)
    account = authenticate(request.headers.get("authorization"))
    _check_version(request.headers.get("stripe-version"))
    form = _parameters(request)
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    if key is None:
        prepared = match.endpoint.prepare(Params(form), match.identifier)
        return await _execute(simulation, call, prepared, None)
    idempotency.check_key(key)
    call.key = key
    fingerprint = Fingerprint(request.method, request.path, form)
    while True:
        record = call.epoch.keys.find(account, key, fingerprint, simulation.clock())
        if record is None:
            break
        if record.answer is not None:
            call.original, call.replayed = record.request_id, True
            return record.answer
        if simulation.settings.when_busy is WhenBusy.CONFLICT:
            raise idempotency.in_use(key)
        await record.over.wait()
    prepared = match.endpoint.prepare(Params(form), match.identifier)
    record = call.epoch.keys.begin(account, key, fingerprint, call.id, simulation.clock())
    call.original = call.id
    return await _execute(simulation, call, prepared, record)


async def _execute(
    simulation: Simulation, call: Call, prepared: Prepared, record: Record | None
) -> Stored:
    """Wait, execute, wait; the key is in use until the answer is about to leave."""
    keys, latency, stored = call.epoch.keys, simulation.latency, None
    before, after = simulation.delay(latency.before), simulation.delay(latency.after)
    try:
        await simulation.pause(before)
        if simulation.stopping:
            raise stopping()
        call.executed = simulation.clock()
        stored = _run(call, prepared)
        await simulation.pause(after)
    finally:
        # A request cut short after it took effect keeps its answer: its effect is real.
        if record is not None and stored is not None:
            keys.finish(record, stored)
        elif record is not None:
            keys.abandon(record)
    return stored


def _run(call: Call, prepared: Prepared) -> Stored:
    """Execute and encode, without a chance for any other request to come in between."""
    cause = EventRequest(id=call.id, idempotency_key=call.key)
    try:
        return Stored(200, _encoder.encode(prepared(call.epoch.world, cause)))
    except StripeError as error:
        return _stored_error(error)
    except Exception as defect:
        traceback.print_exc(file=sys.stderr)
        return _stored_error(internal(defect))


def _parameters(request: Request) -> Form:
    try:
        form = decode(request.query)
        if request.method == "POST" and request.body:
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
    return Stored(error.status, _encoder.encode(_Envelope(error.error)))


def _headers(call: Call, status: int) -> dict[str, str]:
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
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="Stripe"'
    return headers


def _logged(call: Call, status: int, answered: float) -> Logged:
    return Logged(
        id=call.id,
        method=call.request.method,
        path=call.request.path,
        status=status,
        idempotency_key=call.key,
        replayed=call.replayed,
        received=call.received,
        executed=call.executed,
        answered=answered,
    )
