"""The checks that a request meets before its idempotency key is looked at; nothing of it is
stored."""

from __future__ import annotations

import re

from paidonce.harness.simulator.api.call import Call, Dropped, Entered
from paidonce.harness.simulator.domain import accounts
from paidonce.harness.simulator.domain.errors import (
    Refused,
    lock_timeout,
    rate_limited,
    unrecognized,
)
from paidonce.harness.simulator.endpoints import routes
from paidonce.harness.simulator.engine import faults, idempotency
from paidonce.harness.simulator.engine.faults import Fault, When
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.auth import authenticate
from paidonce.harness.simulator.wire.forms import Form, FormError, decode
from paidonce.harness.simulator.wire.messages import ApiRequest, Reset, Silence, Slow

_FORM = "application/x-www-form-urlencoded"
_ON_BEHALF = ("stripe-account", "stripe-context")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:\.[a-z]+)?")


def enter(simulation: Simulation, call: Call) -> Entered:
    """Let a request in: its route, key, limits, version, parameters, and early faults.

    Raises ``Refused`` or ``Dropped``.
    """
    request = call.request
    headers = request.headers
    match = routes.find(request.method, request.path)
    if match is None:
        raise unrecognized(request.method, request.path)
    account = authenticate(headers.get("authorization"))
    simulation.limits.check(simulation.in_flight)
    if "stripe-version" in headers:
        _check_version(headers["stripe-version"])
    for name in _ON_BEHALF:
        if name in headers and headers[name] != accounts.OWN:
            raise Refused(
                400,
                f"Requests on behalf of a connected account ({name.title()}) are not simulated.",
            )
    form = _parameters(request)
    if request.method == "POST":
        key = headers.get("idempotency-key")
        if key is not None:
            idempotency.check_key(key)
            call.key = key
    if simulation.faults or faults.HEADER in headers:
        call.fault = _fault(simulation, call, form)
        _meet_early(call)
    return Entered(match, account, form)


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
    """Do what a fault does before anything else can happen; return how the answer will go."""
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


def _parameters(request: ApiRequest) -> Form:
    try:
        if request.body and request.method != "GET":
            _check_encoding(request.headers.get("content-type", _FORM))
            form = decode(request.body)
            if request.query:
                form = decode(request.query) | form
        else:
            form = decode(request.query)
    except FormError as error:
        raise Refused(400, f"Invalid request: {error}.") from error
    return form


def _check_encoding(named: str) -> None:
    if named == _FORM:
        return
    kind = named.partition(";")[0].strip().lower()
    if kind not in ("", _FORM):
        raise Refused(400, f"Request bodies must be form-encoded ({_FORM}), not {kind}.")


def _check_version(version: str) -> None:
    if not _VERSION.fullmatch(version):
        raise Refused(400, f"Invalid Stripe API version: {version}")
