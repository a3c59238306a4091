"""A call to Stripe as a tap knows it: pure reading of requests and answers.

Labels are ``<object>.<verb>`` in the words of Stripe's API reference
(https://docs.stripe.com/api): ``payment_intent.create``, ``payment_intent.confirm``,
``refund.create``, ``charge.list``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from paidonce.harness.bounded import decode_json

# Parameters that are recorded never, whatever a service sends: card data and secrets.
_SECRET_PARTS = ("client_secret", "[number]", "[cvc]", "[exp_", "api_key")

_WITHIN = frozenset(
    {
        *("apps", "billing", "billing_portal", "checkout", "climate", "entitlements"),
        *("financial_connections", "forwarding", "identity", "issuing", "radar", "reporting"),
        *("sigma", "tax", "terminal", "test_helpers", "treasury"),
    }
)
"""The names that Stripe's objects are grouped by: ``/v1/checkout/sessions`` (https://docs.stripe.com/api)."""

_ID = re.compile(r"[a-z]+_[A-Za-z0-9_]{8,}")
"""An id of an object of Stripe's: its kind, and what tells it from others."""


@dataclass(eq=False)
class StripeCall:
    """One request as it arrived at the tap. ``params`` are flat form fields, secrets left out.

    ``attempt`` is set by a gate that knows whose call it is, and ``in_use`` by one in whose eyes
    another call under the same key is under way: then Stripe would refuse this one, and it does not
    go there. ``answer_text`` is the body of the answer once there is one, ``status`` its status,
    ``touched`` what Stripe says that it touched, where it tells; all else stays as it arrived.
    """

    seq: int
    method: str
    path: str
    label: str
    params: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    attempt: str | None = None
    in_use: bool = False
    answer_text: str = field(default="", repr=False)
    status: int | None = None
    touched: str | None = field(default=None, repr=False)
    tap: str = field(default="stripe", init=False)

    @property
    def searches(self) -> bool:
        """Return whether it asks the index of Stripe's search."""
        return self.label.endswith(".search")

    def as_request(self) -> dict[str, Any]:
        """The ``request`` of an effect."""
        return {
            "method": self.method,
            "path": self.path,
            "params": dict(self.params),
            "idempotency_key": self.idempotency_key,
        }


def read_call(
    seq: int, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> StripeCall:
    """A request read by its method, request target, headers (lower-case names) and body."""
    parts = urlsplit(target)
    params = parse_qsl(parts.query, keep_blank_values=True)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        params += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return StripeCall(
        seq=seq,
        method=method,
        path=parts.path,
        label=label(method, parts.path),
        params={name: value for name, value in params if not _is_secret(name)},
        idempotency_key=headers.get("idempotency-key"),
    )


@functools.lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return any(part in name for part in _SECRET_PARTS)


def label(method: str, path: str) -> str:
    """The label of a request; a path outside Stripe's scheme is labelled by itself, without ids:
    the page on which a payer pays is the same step in every execution."""
    segments = [segment for segment in path.split("/") if segment]
    if len(segments) < 2 or segments[0] not in ("v1", "v2"):
        return f"{method} {'/'.join('…' if _ID.fullmatch(one) else one for one in path.split('/'))}"
    *within, name = segments[1 : _object_at(segments)]
    thing = ".".join([*within, name[:-1] if name.endswith("s") else name])
    rest = segments[_object_at(segments) :]
    if not rest:
        verb = {"GET": "list", "POST": "create"}.get(method, method.lower())
    elif rest == ["search"]:
        verb = "search"
    elif len(rest) == 1:
        verb = {"GET": "retrieve", "POST": "update", "DELETE": "delete"}.get(method, method.lower())
    else:
        verb = rest[-1]
    return f"{thing}.{verb}"


def object_in_path(path: str) -> str | None:
    """The id in ``/v1/<objects>/<id>…``, or None."""
    segments = [segment for segment in path.split("/") if segment]
    at = _object_at(segments)
    if len(segments) > at and segments[at] != "search":
        return segments[at]
    return None


def _object_at(segments: Sequence[str]) -> int:
    """Return where in a path the id stands: some objects have a name of two words."""
    return 3 if len(segments) > 2 and segments[1] in _WITHIN else 2


def read_answer(status: int, body: bytes) -> dict[str, Any]:
    """The ``answer`` of an effect: status, and of the object or error what judging needs.

    Keys: ``status`` (int) and, where there, ``id``, ``object``, ``state`` (the object's own
    status), ``amount``, ``type`` and ``code`` and ``decline_code`` of an error, and ``id`` and
    ``state`` of the payment intent an error carries.
    """
    answer: dict[str, Any] = {"status": status}
    try:
        data = decode_json(body)
    except msgspec.DecodeError:
        return answer
    if not isinstance(data, dict):
        return answer
    error = data.get("error")
    if isinstance(error, dict):
        for name in ("type", "code", "decline_code"):
            if error.get(name) is not None:
                answer[name] = error[name]
        data = error.get("payment_intent") or {}
    for name, source in (("id", "id"), ("object", "object"), ("state", "status")):
        if data.get(source) is not None:
            answer[name] = data[source]
    if isinstance(data.get("amount"), int):
        answer["amount"] = data["amount"]
    return answer


class Attribution:
    """Whose order a call belongs to: by its metadata, or by an intent seen to be an order's."""

    def __init__(self, metadata_key: str) -> None:
        self._parameter = f"metadata[{metadata_key}]"
        self._order_of: dict[str, str] = {}

    def order_of(self, call: StripeCall) -> str | None:
        """The order of a call, if it can be known."""
        named = call.params.get(self._parameter)
        if named is not None:
            return named
        for known in (object_in_path(call.path), call.params.get("payment_intent")):
            if known in self._order_of:
                return self._order_of[known]
        return None

    def learn(self, order: str | None, answer: Mapping[str, Any]) -> None:
        """Remember whose the object in an answer is."""
        found = answer.get("id")
        if order is not None and isinstance(found, str):
            self._order_of[found] = order
