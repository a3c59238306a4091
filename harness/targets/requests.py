"""Makes the HTTP request of a step: placeholders filled in, cookies added, webhooks signed."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET

from harness.answers import UnexpectedAnswer
from harness.bench import Bench
from harness.capability import Capability
from harness.target import Request
from harness.targets.format import StepTable
from harness.targets.places import filled, filled_deep
from harness.targets.scope import Scope
from harness.webhooks import event, signed_headers
from harness.wire import NoAnswer

_EVENTS = uuid.UUID("0d9c4f0e-6a53-4c0e-9b59-2f5b0d6a7b64")
_fresh = itertools.count(1)


async def request_of(
    bench: Bench,
    step: StepTable,
    scope: Scope,
    user: str,
    common: Mapping[str, str],
    where: str,
) -> Request:
    """The request that ``user`` sends. ``common`` are the headers of every step.

    Raises ``NoSuchPlace`` where a value is not known, ``UnexpectedAnswer`` where Stripe does not
    show the object of an event.
    """
    values = {**scope.values, "fresh": f"{scope.values.get('run', '')}-{next(_fresh)}"}
    method, path = step.request.strip().split(maxsplit=1)
    quoted = {name: quote(str(value), safe="-._~:@!$'()*,;=") for name, value in values.items()}
    headers: dict[str, str] = {}
    body = b""
    if step.webhook:
        body = await _event(bench, step, values, where)
        headers = signed_headers(body, bench.webhook_secret)
    elif step.json is not UNSET:
        body = msgspec.json.encode(filled_deep(step.json, values, where))
        headers["Content-Type"] = "application/json"
    elif step.form is not None:
        body = urlencode({k: filled(v, values, where) for k, v in step.form.items()}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif step.body is not None:
        body = filled(step.body, values, where).encode()
    cookie = scope.cookie_header(user)
    if cookie is not None and step.to == "service":
        headers["Cookie"] = cookie
    own = step.headers if step.to == "stripe" else {**common, **step.headers}
    for name, text in own.items():
        _put(headers, name, filled(text, values, where))
    return Request(method=method, path=filled(path, quoted, where), headers=headers, body=body)


def _put(headers: dict[str, str], name: str, value: str) -> None:
    """A header given by a person replaces ours, however it is spelt."""
    for known in [known for known in headers if known.lower() == name.lower()]:
        del headers[known]
    headers[name] = value


async def _event(bench: Bench, step: StepTable, values: Mapping[str, Any], where: str) -> bytes:
    about = filled_deep(step.object, values, where)
    kind = step.webhook.rpartition(".")[0]
    if not isinstance(about, dict):
        about = await _at_stripe(bench, kind, str(about))
    else:
        about = {"object": kind, "livemode": False, **_state(step.webhook), **about}
    identity = f"{step.webhook} {about.get('id')} {values.get('run', '')}"
    event_id = filled(step.event_id, values, where) if step.event_id else ""
    return event(step.webhook, event_id or f"evt_{uuid.uuid5(_EVENTS, identity).hex}", about)


def _state(kind: str) -> dict[str, str]:
    """The status an object has when Stripe sends an event of this type about it."""
    return {"status": "succeeded"} if kind.endswith(".succeeded") else {}


async def _at_stripe(bench: Bench, kind: str, identity: str) -> dict[str, Any]:
    """An object as Stripe has it; made up where Stripe keeps none."""
    if Capability.STRIPE_STATE not in bench.capabilities:
        return {"id": identity, "object": kind, "livemode": False}
    path = f"/v1/{kind.replace('.', '/')}s/{quote(identity)}"
    try:
        answer = await bench.stripe.ask("GET", path)
    except NoAnswer as error:
        raise UnexpectedAnswer(f"Stripe does not show {path}: {error}") from error
    if answer.status != 200:
        raise UnexpectedAnswer(f"Stripe does not show {path}: it answered {answer.status}")
    found: dict[str, Any] = msgspec.json.decode(answer.body)
    return found
