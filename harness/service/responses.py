"""Reads a service's HTTP answers into the neutral vocabulary of a history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.errors import PaidonceError
from paidonce.harness.history import Action, Completed, OrderObserved, Outcome
from paidonce.harness.http.excerpt import said
from paidonce.harness.service.description import Target


class UnexpectedAnswer(PaidonceError):
    """The service answered something the target's description does not provide for."""


_SHOW_ORDERS = (Action.READ, Action.COME_BACK)


def completion(
    target: Target,
    *,
    t: int,
    op: int,
    action: Action,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> Completed:
    """Return what an answer tells about operation ``op``.

    2xx is ok, 4xx rejected, anything else (5xx, and the redirects and oddities no payment API
    should give) failed. ``headers`` has lower-case names.
    """
    data = _json(body)
    if 200 <= status < 300:
        value = (
            _order_value(target, data) if action in _SHOW_ORDERS else _success_value(target, data)
        )
        return Completed(
            t=t,
            op=op,
            outcome=Outcome.OK,
            status=status,
            value=value,
            replayed=headers.get(target.replayed_header.lower(), "").lower() == "true",
            retries=_retries(target, headers),
        )
    code = dig(data, target.answers.error_code)
    return Completed(
        t=t,
        op=op,
        outcome=Outcome.REJECTED if 400 <= status < 500 else Outcome.FAILED,
        status=status,
        code=code if isinstance(code, str) else None,
        error=None if data is not None else said(body),
        retries=_retries(target, headers),
    )


def order_observed(target: Target, *, t: int, order: str, body: bytes) -> OrderObserved:
    """The order in the answer to a read. Raises ``UnexpectedAnswer`` when a field is missing."""
    value = _order_value(target, _json(body))
    try:
        return OrderObserved(
            t=t,
            order=order,
            payment_status=value["payment_status"],
            payment_id=value.get("payment_id"),
            amount=value["amount"],
            currency=value["currency"],
            refunded_amount=value.get("refunded_amount", 0),
            handed_out=_handed_out(target, body),
        )
    except KeyError as error:
        raise UnexpectedAnswer(
            f"target {target.name}: the answer to {target.read_order.path} has no {error}"
        ) from error


def _handed_out(target: Target, body: bytes) -> tuple[str, ...] | None:
    found = dig(_json(body), target.answers.handed_out)
    return tuple(map(str, found)) if isinstance(found, list) else None


def order_id(target: Target, body: bytes) -> str:
    """The id in the answer to the creation of an order. Raises ``UnexpectedAnswer``."""
    found = dig(_json(body), target.answers.order_id)
    if not isinstance(found, str | int):
        raise UnexpectedAnswer(
            f"target {target.name}: the answer to {target.create_order.path} "
            f"has no order id at {target.answers.order_id!r}"
        )
    return str(found)


def dig(data: Any, path: str) -> Any:
    """The value at a dotted path, or None where the path leads nowhere."""
    for name in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def _retries(target: Target, headers: Mapping[str, str]) -> int | None:
    if target.retries_header is None:
        return None
    said = headers.get(target.retries_header.lower(), "")
    return int(said) if said.isascii() and said.isdigit() else None


def _json(body: bytes) -> Any:
    try:
        return decode_json(body)
    except msgspec.DecodeError:
        return None


def _success_value(target: Target, data: Any) -> dict[str, Any]:
    paths = target.answers
    found = {
        "payment_id": dig(data, paths.payment_id),
        "refund_id": dig(data, paths.refund_id),
        "checkout_id": dig(data, paths.checkout_id),
        "page": dig(data, paths.page),
        "amount": dig(data, paths.amount),
        "currency": dig(data, paths.currency),
    }
    return {name: value for name, value in found.items() if value is not None}


def _status(target: Target, data: Any) -> Any:
    status = dig(data, target.answers.payment_status)
    return target.vocabulary.get(status, status)


def _order_value(target: Target, data: Any) -> dict[str, Any]:
    paths = target.answers
    found = {
        "payment_status": _status(target, data),
        "payment_id": dig(data, paths.payment_id),
        "amount": dig(data, paths.amount),
        "currency": dig(data, paths.currency),
        "refunded_amount": dig(data, paths.refunded_amount),
    }
    return {name: value for name, value in found.items() if value is not None}
