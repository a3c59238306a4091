"""The simulator's own API, under ``/_control/``: what a harness needs and Stripe does not have.

Every request must carry the header ``Paidonce-Control: 1``. Without it the paths do not exist,
so that a service under test that strays here meets what it would meet at Stripe.

======================= =========================================================================
GET  health             process, version, how many objects there are and requests under way
POST reset              forget everything but the latency; body ``{"seed": 7}`` restarts ids
POST latency            body like ``{"before": {"kind": "fixed", "ms": 5}, "after": {...}}``,
                        kinds ``fixed`` (ms), ``uniform`` (low_ms, high_ms) and
                        ``exponential`` (mean_ms, cap_ms)
GET  ledger             every intent, charge, refund and idempotency key, oldest first
GET  requests           the last requests, newest first, ``?limit=`` of them (100)
GET  webhook            ``?event=evt_...``: the event's payload and its Stripe-Signature header
======================= =========================================================================

Answers are JSON; errors are ``{"error": {"message": ...}}`` with 400, 404 or 405.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import msgspec

from harness.simulator.forms import FormError, decode
from harness.simulator.latency import Latency
from harness.simulator.signing import sign
from harness.simulator.simulation import LOG_LENGTH, Simulation
from harness.simulator.state import API_VERSION
from harness.simulator.wire import Reply, Request

PREFIX = "/_control/"
HEADER = "paidonce-control"

_DEFAULT_REQUESTS = 100

T = TypeVar("T")


class _Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seed: int | None = None


class ControlError(Exception):
    """A control request that cannot be done; ``status`` is its answer's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def addressed(request: Request) -> bool:
    """Whether this is a control request, header and all."""
    return request.path.startswith(PREFIX) and request.headers.get(HEADER) == "1"


def answer(simulation: Simulation, request: Request) -> Reply:
    """Answer a control request; synchronous, so nothing changes while it is answered."""
    try:
        name = request.path.removeprefix(PREFIX)
        known = _COMMANDS.get(name)
        if known is None:
            raise ControlError(404, f"no control named '{name}'; there are {', '.join(_COMMANDS)}")
        method, command = known
        if request.method != method:
            raise ControlError(405, f"{name} takes {method}, not {request.method}")
        body = command(simulation, request)
    except ControlError as error:
        failure = {"error": {"message": str(error)}}
        return Reply(status=error.status, body=msgspec.json.encode(failure))
    return Reply(status=200, body=msgspec.json.encode(body))


def _health(simulation: Simulation, _: Request) -> Any:
    world = simulation.epoch.world
    return {
        "ok": True,
        "service": "paidonce-simulator",
        "api_version": API_VERSION,
        "pid": simulation.pid,
        "uptime_seconds": simulation.clock() - simulation.started,
        "in_flight": simulation.in_flight,
        "seed": simulation.settings.seed,
        "idempotency_concurrency": simulation.settings.when_busy,
        "latency": simulation.latency,
        "objects": {
            "payment_intents": len(world.intents),
            "charges": len(world.charges),
            "refunds": len(world.refunds),
            "events": len(world.events),
        },
    }


def _reset(simulation: Simulation, request: Request) -> Any:
    simulation.reset(_decoded(request, _Reset).seed)
    return {"ok": True}


def _latency(simulation: Simulation, request: Request) -> Any:
    simulation.set_latency(_decoded(request, Latency))
    return {"ok": True, "latency": simulation.latency}


def _ledger(simulation: Simulation, _: Request) -> Any:
    world, keys = simulation.epoch.world, simulation.epoch.keys
    return {
        "intents": list(world.intents),
        "charges": list(world.charges),
        "refunds": list(world.refunds),
        "idempotency_keys": keys.summaries(),
    }


def _requests(simulation: Simulation, request: Request) -> Any:
    limit = _query(request).get("limit", str(_DEFAULT_REQUESTS))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= LOG_LENGTH):
        raise ControlError(400, f"limit must be a whole number from 1 to {LOG_LENGTH}")
    return {"requests": list(islice(reversed(simulation.log), int(limit)))}


def _webhook(simulation: Simulation, request: Request) -> Any:
    secret = simulation.settings.webhook_secret
    if secret is None:
        raise ControlError(400, "the simulator was started without --webhook-secret")
    identifier = _query(request).get("event", "")
    event = simulation.epoch.world.events.get(identifier)
    if event is None:
        raise ControlError(404, f"no event '{identifier}'")
    payload = msgspec.json.encode(event)
    return {
        "payload": payload.decode(),
        "signature": sign(payload, secret, int(simulation.clock())),
    }


_COMMANDS: dict[str, tuple[str, Callable[[Simulation, Request], Any]]] = {
    "health": ("GET", _health),
    "reset": ("POST", _reset),
    "latency": ("POST", _latency),
    "ledger": ("GET", _ledger),
    "requests": ("GET", _requests),
    "webhook": ("GET", _webhook),
}


def _query(request: Request) -> dict[str, str]:
    try:
        form = decode(request.query)
    except FormError as error:
        raise ControlError(400, str(error)) from error
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _decoded(request: Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except msgspec.MsgspecError as error:
        raise ControlError(400, f"the body is not what was expected: {error}") from error
