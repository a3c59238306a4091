"""Which calls to Stripe commute."""

from __future__ import annotations

import pytest

from paidonce.harness.explore.footprint.stripe import stripe_footprint
from paidonce.harness.taps.stripe.calls import read_call


def footprint(method, path, maker="a", key=None, **params):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if key is not None:
        headers["idempotency-key"] = key
    body = "&".join(f"{name}={value}" for name, value in params.items()).encode()
    return stripe_footprint(read_call(1, method, path, headers, body), maker)


CREATE = ("POST", "/v1/payment_intents")
CONFIRM = ("POST", "/v1/payment_intents/pi_1/confirm")
CAPTURE = ("POST", "/v1/payment_intents/pi_1/capture")
RETRIEVE = ("GET", "/v1/payment_intents/pi_1")
LIST = ("GET", "/v1/payment_intents")
REFUND = ("POST", "/v1/refunds")


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (footprint(*CREATE, "a"), footprint(*CREATE, "b"), False),
        (footprint(*CREATE, "a", key="k"), footprint(*CREATE, "b", key="k"), True),
        (footprint(*CREATE, "a", key="k"), footprint(*CREATE, "b", key="l"), False),
        (footprint(*CREATE, "a"), footprint(*LIST), True),
        (footprint(*CREATE, "a"), footprint(*CONFIRM), False),
        (footprint(*CONFIRM), footprint(*CONFIRM), True),
        # Both may be paid with the same method, which is used up by the first, or fill one wallet.
        (footprint(*CONFIRM), footprint("POST", "/v1/payment_intents/pi_2/confirm"), True),
        (footprint(*CAPTURE), footprint("POST", "/v1/payment_intents/pi_2/confirm"), False),
        (footprint(*CAPTURE), footprint("POST", "/v1/payment_intents/pi_2/capture"), False),
        (footprint(*CONFIRM), footprint(*RETRIEVE), True),
        (footprint(*RETRIEVE), footprint(*RETRIEVE), False),
        (footprint(*LIST), footprint(*CONFIRM), True),
        (footprint(*REFUND, "a", payment_intent="pi_1"), footprint(*CONFIRM), True),
        (
            footprint(*REFUND, "a", payment_intent="pi_1"),
            footprint(*REFUND, "b", payment_intent="pi_1"),
            True,
        ),
        (
            footprint(*REFUND, "a", payment_intent="pi_1"),
            footprint(*REFUND, "b", payment_intent="pi_2"),
            False,
        ),
        (footprint("GET", "/strange"), footprint(*CREATE), True),
        # What is refunded shows in the charge, whether it or its intent was named.
        (footprint("GET", "/v1/charges/ch_1"), footprint(*REFUND, payment_intent="pi_1"), True),
        (footprint(*RETRIEVE), footprint(*REFUND, charge="ch_1"), True),
        (footprint(*RETRIEVE), footprint("POST", "/v1/checkout/sessions/cs_1/expire"), True),
        (footprint(*RETRIEVE), footprint("POST", "/v1/customers/cus_1"), False),
        (footprint("GET", "/v1/balance"), footprint(*CREATE), True),
        # A customer's cards go with her, and one that is detached pays no more.
        (footprint("DELETE", "/v1/customers/cus_1"), footprint(*CONFIRM), True),
        (footprint("POST", "/v1/payment_methods/pm_1/detach"), footprint(*CONFIRM), True),
        (footprint("DELETE", "/v1/customers/cus_1"), footprint(*RETRIEVE), False),
        (
            footprint("DELETE", "/v1/customers/cus_1"),
            footprint("GET", "/v1/payment_intents/pi_1", **{"expand[]": "customer"}),
            True,
        ),
        (
            footprint("DELETE", "/v1/customers/cus_1"),
            footprint("GET", "/v1/customers/cus_2/payment_methods"),
            True,
        ),
        (footprint("GET", "/v1/account"), footprint("POST", "/v1/account"), True),
    ],
)
def test_calls_commute_unless_they_touch_the_same(one, other, conflict):
    assert one.conflicts(other) is conflict
    assert other.conflicts(one) is conflict
