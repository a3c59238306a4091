"""The commands of the control API, each a function: see ``control`` for what they take."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Annotated, TypeVar

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.simulator.domain import checkout, disputes, refunds, search_index
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.objects import Event
from paidonce.harness.simulator.domain.state import API_VERSION
from paidonce.harness.simulator.engine import saved
from paidonce.harness.simulator.engine.faults import Rule
from paidonce.harness.simulator.engine.limits import Limits
from paidonce.harness.simulator.engine.signing import sign
from paidonce.harness.simulator.engine.simulation import LOG_LENGTH, Simulation
from paidonce.harness.simulator.engine.webhooks import Behaviour
from paidonce.harness.simulator.wire.forms import FormError, decode
from paidonce.harness.simulator.wire.latency import NONE, Latency
from paidonce.harness.simulator.wire.messages import ApiRequest

_DEFAULT_REQUESTS = 100
_SHOWN_LIVE = 25

T = TypeVar("T")
Command = Callable[[Simulation, ApiRequest], object]
"""Returns what is encoded as JSON, or awaited first. Raises ``ControlError``, ``StripeError``."""


class ControlError(Exception):
    """A control request that cannot be done; ``status`` is its answer's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of a command."""


class _Reset(_Body, frozen=True):
    seed: int | None = None
    kept: bool = False
    ahead_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None


class _Faults(_Body, frozen=True):
    rules: tuple[Rule, ...] = ()


_Limit = Annotated[int, msgspec.Meta(ge=1)] | None


class _Limits(_Body, frozen=True):
    per_second: _Limit = None
    at_once: _Limit = None


class _Clock(_Body, frozen=True):
    advance_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class _SearchHeld(_Body, frozen=True):
    held: bool


class _Outcome(_Body, frozen=True):
    payment_intent: str
    succeeded: bool = True


class _Settled(_Body, frozen=True):
    """A payment that is processing, or a refund that waits for an answer: one of the two."""

    payment_intent: str | None = None
    refund: str | None = None
    succeeded: bool = True


class _Dispute(_Body, frozen=True):
    """A payment to be disputed, or the dispute of one to be decided."""

    payment_intent: str
    reason: str = "fraudulent"
    inquiry: bool = False
    won: bool | None = None


class _Send(_Body, frozen=True):
    event: str
    endpoint: str | None = None


class _Release(_Body, frozen=True):
    events: tuple[str, ...] | None = None


def _health(simulation: Simulation, _: ApiRequest) -> object:
    return {
        "ok": True,
        "service": "paidonce-simulator",
        "api_version": API_VERSION,
        "pid": simulation.pid,
        "uptime_seconds": simulation.clock() - simulation.started,
        "in_flight": simulation.in_flight,
        "answered": simulation.answered,
        "busy_seconds": simulation.busy_seconds,
        "seed": simulation.settings.seed,
        "idempotency_concurrency": simulation.settings.when_busy,
        "latency": simulation.latency or NONE,
        "clock": simulation.clock(),
        "objects": _counts(simulation),
    }


def _counts(simulation: Simulation) -> dict[str, int]:
    world = simulation.epoch.world
    return {
        "payment_intents": len(world.intents),
        "charges": len(world.charges),
        "refunds": len(world.refunds),
        "events": len(world.events),
    }


def _reset(simulation: Simulation, request: ApiRequest) -> object:
    reset = _decoded(request, _Reset)
    if reset.ahead_seconds is not None:
        simulation.clock.ahead = reset.ahead_seconds
    if not reset.kept:
        simulation.reset(reset.seed)
    elif not simulation.back():
        raise ControlError(400, "nothing is kept: POST keep comes first")
    return {"ok": True}


def _keep(simulation: Simulation, _: ApiRequest) -> object:
    simulation.keep()
    return {"ok": True, "objects": _counts(simulation)}


def _latency(simulation: Simulation, request: ApiRequest) -> object:
    simulation.set_latency(_decoded(request, Latency))
    return {"ok": True, "latency": simulation.latency or NONE}


def _set_faults(simulation: Simulation, request: ApiRequest) -> object:
    simulation.set_faults(_decoded(request, _Faults).rules)
    return _show_faults(simulation, request)


def _show_faults(simulation: Simulation, _: ApiRequest) -> object:
    return {"rules": simulation.faults.summaries()}


def _limits(simulation: Simulation, request: ApiRequest) -> object:
    limits = _decoded(request, _Limits)
    simulation.limits = Limits(limits.per_second, limits.at_once)
    return {"ok": True, "limits": limits}


def _clock(simulation: Simulation, request: ApiRequest) -> object:
    simulation.advance(_decoded(request, _Clock).advance_seconds)
    clock = simulation.clock
    return {"ok": True, "clock": clock(), "ahead_seconds": clock.ahead}


def _search(simulation: Simulation, request: ApiRequest) -> object:
    held = _decoded(request, _SearchHeld).held
    (search_index.hold if held else search_index.release)(simulation.epoch.world)
    return {"ok": True, "held": held}


def _authenticate(simulation: Simulation, request: ApiRequest) -> object:
    outcome = _decoded(request, _Outcome)
    return checkout.authenticate(simulation.epoch.world, outcome.payment_intent, outcome.succeeded)


def _settle(simulation: Simulation, request: ApiRequest) -> object:
    outcome, world = _decoded(request, _Settled), simulation.epoch.world
    if (outcome.payment_intent is None) == (outcome.refund is None):
        raise ControlError(400, "settle takes a payment_intent or a refund, and one of them only")
    if outcome.payment_intent is not None:
        return checkout.settle(world, outcome.payment_intent, outcome.succeeded)
    assert outcome.refund is not None
    if outcome.succeeded:
        return refunds.answer(world, outcome.refund)
    return checkout.unanswered(world, outcome.refund, BY_ITSELF)


def _dispute(simulation: Simulation, request: ApiRequest) -> object:
    dispute, world = _decoded(request, _Dispute), simulation.epoch.world
    intent = world.intents.get(dispute.payment_intent)
    if intent is None or intent.latest_charge is None:
        raise ControlError(404, f"no payment '{dispute.payment_intent}' that could be disputed")
    known = disputes.of_charge(world, intent.latest_charge)
    if dispute.won is None:
        return disputes.open_(
            world, intent.latest_charge, dispute.reason, BY_ITSELF, inquiry=dispute.inquiry
        )
    if known is None:
        raise ControlError(404, f"the payment '{dispute.payment_intent}' is not disputed")
    return disputes.decide(world, known.id, dispute.won, BY_ITSELF)


def _save(simulation: Simulation, _: ApiRequest) -> object:
    return saved.document(simulation)


def _load(simulation: Simulation, request: ApiRequest) -> object:
    try:
        saved.restore(simulation, request.body)
    except saved.StateError as error:
        raise ControlError(400, str(error)) from error
    return {"ok": True, "objects": _counts(simulation)}


def _behave(simulation: Simulation, request: ApiRequest) -> object:
    simulation.webhooks.behave(_decoded(request, Behaviour))
    return {"ok": True, "webhooks": simulation.webhooks.behaviour}


def _send(simulation: Simulation, request: ApiRequest) -> object:
    wanted = _decoded(request, _Send)
    sent = simulation.webhooks.send(_event(simulation, wanted.event), wanted.endpoint)
    return {"deliveries": sent}


def _release(simulation: Simulation, request: ApiRequest) -> object:
    return {"deliveries": simulation.webhooks.release(_decoded(request, _Release).events)}


async def _idle(simulation: Simulation, _: ApiRequest) -> object:
    await simulation.webhooks.idle()
    return {"ok": True}


def _deliveries(simulation: Simulation, _: ApiRequest) -> object:
    return {"deliveries": list(reversed(simulation.webhooks.deliveries))}


def _live(simulation: Simulation, request: ApiRequest) -> object:
    """The newest of everything; nothing but a mark where nothing has changed since ``since``."""
    world, sent = simulation.epoch.world, simulation.webhooks.deliveries
    tried = sum(len(delivery.attempts) for delivery in sent)
    mark = f"{world.ids.root[:8]}-{simulation.answered}-{len(world.events)}-{len(sent)}-{tried}"
    if _query(request).get("since") == mark:
        return {"mark": mark}
    return {
        "mark": mark,
        "answered": simulation.answered,
        "counts": _counts(simulation),
        "intents": world.intents.newest(_SHOWN_LIVE),
        "charges": world.charges.newest(_SHOWN_LIVE),
        "refunds": world.refunds.newest(_SHOWN_LIVE),
        "events": world.events.newest(_SHOWN_LIVE),
        "idempotency_keys": simulation.epoch.keys.newest(_SHOWN_LIVE),
        "deliveries": list(islice(reversed(sent), _SHOWN_LIVE)),
        "requests": list(islice(reversed(simulation.log), _SHOWN_LIVE)),
    }


def _ledger(simulation: Simulation, _: ApiRequest) -> object:
    world, keys = simulation.epoch.world, simulation.epoch.keys
    return {
        "intents": list(world.intents),
        "charges": list(world.charges),
        "refunds": list(world.refunds),
        "idempotency_keys": keys.summaries(),
    }


def _requests(simulation: Simulation, request: ApiRequest) -> object:
    limit = _query(request).get("limit", str(_DEFAULT_REQUESTS))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= LOG_LENGTH):
        raise ControlError(400, f"limit must be a whole number from 1 to {LOG_LENGTH}")
    return {"requests": list(islice(reversed(simulation.log), int(limit)))}


def _webhook(simulation: Simulation, request: ApiRequest) -> object:
    secret = simulation.settings.webhook_secret
    if secret is None:
        raise ControlError(400, "the simulator was started without --webhook-secret")
    event = _event(simulation, _query(request).get("event", ""))
    payload = msgspec.json.encode(event)
    return {
        "payload": payload.decode(),
        "signature": sign(payload, secret, int(simulation.clock())),
    }


def _event(simulation: Simulation, identifier: str) -> Event:
    event = simulation.epoch.world.events.get(identifier)
    if event is None:
        raise ControlError(404, f"no event '{identifier}'")
    return event


def _query(request: ApiRequest) -> dict[str, str]:
    try:
        form = decode(request.query)
    except FormError as error:
        raise ControlError(400, str(error)) from error
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _decoded(request: ApiRequest, kind: type[T]) -> T:
    try:
        return decode_json(request.body or b"{}", kind)
    except msgspec.MsgspecError as error:
        raise ControlError(400, f"the body is not what was expected: {error}") from error


COMMANDS: dict[str, dict[str, Command]] = {
    "health": {"GET": _health},
    "reset": {"POST": _reset},
    "keep": {"POST": _keep},
    "ledger": {"GET": _ledger},
    "state": {"GET": _save, "POST": _load},
    "requests": {"GET": _requests},
    "latency": {"POST": _latency},
    "faults": {"GET": _show_faults, "POST": _set_faults},
    "limits": {"POST": _limits},
    "clock": {"POST": _clock},
    "search": {"POST": _search},
    "authenticate": {"POST": _authenticate},
    "settle": {"POST": _settle},
    "dispute": {"POST": _dispute},
    "webhook": {"GET": _webhook},
    "webhooks": {"POST": _behave},
    "webhooks/send": {"POST": _send},
    "webhooks/release": {"POST": _release},
    "webhooks/idle": {"POST": _idle},
    "deliveries": {"GET": _deliveries},
    "live": {"GET": _live},
}
"""By name and method."""
