"""Makers of customers who can pay, prices, invoices and sessions, for the checks of sales."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from paidonce.harness.conformance.checks import expect, made
from paidonce.harness.conformance.client import Api, StripeAnswer

MANY = 8
"""So many requests are made at once; of Stripe itself, five."""

_WITHIN_S = 90.0
PRICE = {"currency": "usd", "unit_amount": "700"}
Asked = tuple[str, dict[str, str]]
"""The path of a POST, and its form."""


def customer(api: Api, **more: str) -> str:
    """Make a customer with no card."""
    return made(api.post("/v1/customers", {"description": "stripe-check", **more}))


def kept(api: Api, owner: str, card: str = "pm_card_visa") -> str:
    """Have a customer keep a card; its id."""
    return made(api.post(f"/v1/payment_methods/{card}/attach", {"customer": owner}))


def payer(api: Api, card: str = "pm_card_visa", **more: str) -> str:
    """Make a customer whose invoices are paid by that card."""
    owner = customer(api, **more)
    default = {"invoice_settings[default_payment_method]": kept(api, owner, card)}
    made(api.post(f"/v1/customers/{owner}", default))
    return owner


def price(api: Api, **more: str) -> str:
    """Make a price of 700 usd for a product of its own."""
    named = {**PRICE, "product_data[name]": "Tea", **more}
    return made(api.post("/v1/prices", named), unit_amount=700)


def monthly(api: Api) -> str:
    """Make a price of 700 usd a month."""
    return price(api, **{"recurring[interval]": "month"})


def draft(api: Api, owner: str) -> str:
    """Make a draft of an invoice of 700 usd, which does nothing by itself."""
    form = {"customer": owner, "auto_advance": "false"}
    invoice = made(api.post("/v1/invoices", form), status="draft")
    item = {"customer": owner, "invoice": invoice, "amount": "700", "currency": "usd"}
    made(api.post("/v1/invoiceitems", item))
    return invoice


def invoice(api: Api) -> str:
    """Make an invoice of 700 usd, finalized and not paid yet."""
    path = f"/v1/invoices/{draft(api, payer(api))}/finalize"
    return made(api.post(path, {"auto_advance": "false"}), status="open", amount_due=700)


def session(api: Api, quantity: str = "1", **more: str) -> StripeAnswer:
    """Open a Checkout Session for so many of something for 700 usd."""
    return api.post(
        "/v1/checkout/sessions",
        {
            "mode": "payment",
            "success_url": "https://shop.example/paid",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "700",
            "line_items[0][price_data][product_data][name]": "Tea",
            "line_items[0][quantity]": quantity,
            **more,
        },
    )


def coupon(api: Api, **more: str) -> str:
    """Make a coupon that takes off a tenth, once."""
    return made(api.post("/v1/coupons", {"percent_off": "10", "duration": "once", **more}))


def at_once(api: Api, asked: Sequence[Asked]) -> list[StripeAnswer]:
    """Make these requests at the same moment."""
    several = asked[:5] if api.is_stripe else asked
    return api.together(
        len(several),
        lambda client, number: api.post(several[number][0], several[number][1], client=client),
    )


def told(answers: list[StripeAnswer]) -> str:
    """Say how often there was which answer."""
    counted = Counter(str(answer) for answer in answers)
    return ", ".join(f"{count} × {answer}" for answer, count in sorted(counted.items()))


def one_won(answers: list[StripeAnswer]) -> None:
    """Expect that one was accepted, and all others were refused."""
    odd = [answer for answer in answers if answer.status not in (200, 400, 409, 429)]
    won = sum(answer.status == 200 for answer in answers)
    expect(not odd and won == 1, f"{won} succeeded; answers: {told(answers)}")


def sooner_or_later(api: Api, look: Callable[[], StripeAnswer], name: str, value: object) -> None:
    """Expect a field to be so; Stripe itself, which does some things later, is given time."""
    until = time.monotonic() + _WITHIN_S
    while True:
        answer = look()
        expect(answer.status == 200, f"expected 200, got {answer}")
        if answer[name] == value or not api.is_stripe or time.monotonic() > until:
            break
        time.sleep(1)
    expect(answer[name] == value, f"expected {name} {value!r}, got {answer[name]!r}")
