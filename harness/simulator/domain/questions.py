"""The question that a payer is asked, whether to pay or to save a card: by which way, and where."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from paidonce.harness.simulator.domain.errors import INVALID_REQUEST, doc_url
from paidonce.harness.simulator.domain.objects import (
    ErrorObject,
    PaymentIntent,
    PaymentMethod,
    SetupIntent,
)
from paidonce.harness.simulator.domain.payment_methods import PaymentSource, resolve
from paidonce.harness.simulator.domain.state import World

_Asked = TypeVar("_Asked", PaymentIntent, SetupIntent)


def chosen(
    world: World, source: PaymentSource | None, attached: str | None
) -> PaymentMethod | None:
    """The method that a confirmation is for: its own, or the one that was attached before."""
    if source is not None:
        return resolve(world, source)
    return None if attached is None else world.payment_methods[attached]


def asked(
    world: World,
    intent: _Asked,
    method: PaymentMethod,
    return_url: str | None,
    use_stripe_sdk: bool,
) -> _Asked:
    """The intent, which waits for the answer of whoever has that method."""
    return msgspec.structs.replace(
        intent,
        status="requires_action",
        payment_method=method.id,
        next_action=next_action(world, intent.id, intent.client_secret, return_url, use_stripe_sdk),
    )


def unanswered(code: str, message: str, method: PaymentMethod) -> ErrorObject:
    """Return why an intent failed whose payer was asked and did not answer rightly."""
    return ErrorObject(
        type=INVALID_REQUEST,
        code=code,
        doc_url=doc_url(code),
        message=message,
        payment_method=method,
    )


def next_action(
    world: World, identifier: str, secret: str, return_url: str | None, use_stripe_sdk: bool
) -> dict[str, Any]:
    """Return how the payer is asked: by a redirect, or in the page by Stripe's own script.

    Either way the question is on a page of this simulator.
    """
    asked_at = f"{world.base_url}{ACTION_PATH}{identifier}?client_secret={secret}"
    if return_url is None or use_stripe_sdk:
        return {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "source": identifier,
                "stripe_js": asked_at,
                "type": "three_d_secure_redirect",
            },
        }
    return {
        "redirect_to_url": {
            "return_url": return_url,
            "url": asked_at,
        },
        "type": "redirect_to_url",
    }


ACTION_PATH = "/_paidonce/authenticate/"
"""Where this simulator asks its payers."""
