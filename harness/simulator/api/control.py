"""The simulator's own API, under ``/_control/``: what a harness needs and Stripe does not have.

Every request must carry the header ``Paidonce-Control: 1``. Without it the paths do not exist,
so that a service under test that strays here meets what it would meet at Stripe. Names and origins
that are not this machine's are answered 403 (see ``wire.origin``).

======================= =========================================================================
GET  health             process, version, how many objects there are, requests under way and
                        answered, and how long these took in all
POST reset              forget everything but settings; body ``{"seed": 7}`` restarts ids,
                        ``{"kept": true}`` goes back to what was kept, and
                        ``{"ahead_seconds": 0}`` puts the clock that far ahead of the time of day
POST keep               keep what there is, until the next reset that does not go back to it
GET  ledger             every intent, charge, refund and idempotency key, oldest first
GET  state              everything, to be kept
POST state              go on from such a state
GET  requests           the last requests, newest first, ``?limit=`` of them (100)
POST latency            body like ``{"before": {"kind": "fixed", "ms": 5}, "held": …, "after": …}``,
                        kinds ``fixed`` (ms), ``uniform`` (low_ms, high_ms) and
                        ``exponential`` (mean_ms, cap_ms)
POST faults             ``{"rules": […]}``: these rules from now on (see ``faults``)
GET  faults             the rules, and how often each was met
POST limits             ``{"per_second": 25, "at_once": null}``
POST clock              ``{"advance_seconds": 86400}``; what falls due happens
POST search             ``{"held": true}``: searches see what there is by now, and nothing later,
                        until this comes again; ``{"held": false}`` or a reset: every write at once
POST authenticate       ``{"payment_intent": "pi_…", "succeeded": true}``: the payer answers
POST settle             the same, for a payment that is processing; or ``{"refund": "re_…"}``, whose
                        customer says where the money is to go, or never does
GET  webhook            ``?event=evt_…``: the event's payload and its Stripe-Signature header
POST webhooks           how events are delivered from now on (see ``webhooks.Behaviour``)
POST webhooks/send      ``{"event": "evt_…", "endpoint": null}``: once more
POST webhooks/release   ``{"events": ["evt_2…", "evt_1…"]}``: send what is held, in this order
POST webhooks/idle      answers when nothing is being sent or due
GET  deliveries         every delivery and its attempts, newest first
GET  live               the newest of everything, for the page
======================= =========================================================================

Answers are JSON; errors are ``{"error": {"message": ...}}`` with 400, 403, 404
or 405.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec

from paidonce.harness.simulator.api.commands import COMMANDS, ControlError
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.messages import Answering, ApiRequest, Reply
from paidonce.harness.simulator.wire.origin import stranger

PREFIX = "/_control/"
HEADER = "paidonce-control"


def addressed(request: ApiRequest) -> bool:
    """Return whether this is a control request, header and all."""
    return request.path.startswith(PREFIX) and request.headers.get(HEADER) == "1"


def answer(simulation: Simulation, request: ApiRequest) -> Answering:
    """Answer a control request; but for ``webhooks/idle``, nothing changes meanwhile."""
    try:
        if why := stranger(request):
            raise ControlError(403, f"the control API answers this machine only: {why}")
        name = request.path.removeprefix(PREFIX)
        known = COMMANDS.get(name)
        if known is None:
            raise ControlError(404, f"no control named '{name}'; there are {', '.join(COMMANDS)}")
        command = known.get(request.method)
        if command is None:
            raise ControlError(405, f"{name} takes {' or '.join(known)}, not {request.method}")
        body = command(simulation, request)
    except ControlError as error:
        failure = {"error": {"message": str(error)}}
        return Reply(error.status, msgspec.json.encode(failure))
    except StripeError as error:
        return Reply(error.status, msgspec.json.encode({"error": error.error}))
    if isinstance(body, Awaitable):
        return _later(body)
    return Reply(200, msgspec.json.encode(body))


async def _later(body: Awaitable[Any]) -> Reply:
    return Reply(200, msgspec.json.encode(await body))
