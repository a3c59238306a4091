"""Sales: pages to pay on, saved cards, subscriptions and their invoices, coupons, disputes."""

from __future__ import annotations

import time
from collections import Counter

from paidonce.harness.conformance.checks import (
    CARD,
    Group,
    charges_of,
    expect,
    made,
    new,
    paid,
    refused,
)
from paidonce.harness.conformance.client import Api, StripeAnswer

check = Group("what is sold", "https://docs.stripe.com/api/checkout/sessions")

_SETUPS = "https://docs.stripe.com/api/setup_intents"
_TESTING = "https://docs.stripe.com/testing"
_SUBSCRIPTIONS = "https://docs.stripe.com/api/subscriptions"
_INVOICES = "https://docs.stripe.com/api/invoices"
_COUPONS = "https://docs.stripe.com/api/coupons"
_DISPUTES = "https://docs.stripe.com/disputes/api"
_DISPUTED_WITHIN_S = 60.0
_MANY = 8
_PRICE = {"currency": "usd", "unit_amount": "700"}


def _session(api: Api, quantity: str = "1") -> StripeAnswer:
    return api.post(
        "/v1/checkout/sessions",
        {
            "mode": "payment",
            "success_url": "https://shop.example/paid",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "700",
            "line_items[0][price_data][product_data][name]": "Tea",
            "line_items[0][quantity]": quantity,
        },
    )


def _customer(api: Api) -> str:
    """A customer whose invoices are paid by a card that pays."""
    customer = made(api.post("/v1/customers", {"description": "stripe-check"}))
    card = made(api.post("/v1/payment_methods/pm_card_visa/attach", {"customer": customer}))
    default = {"invoice_settings[default_payment_method]": card}
    made(api.post(f"/v1/customers/{customer}", default))
    return customer


def _price(api: Api, **more: str) -> str:
    named = {**_PRICE, "product_data[name]": "Tea", **more}
    return made(api.post("/v1/prices", named), unit_amount=700)


def _monthly(api: Api) -> str:
    return _price(api, **{"recurring[interval]": "month"})


def _invoice(api: Api) -> str:
    """An invoice of 700 usd, finalized and not paid yet."""
    customer = _customer(api)
    invoice = made(
        api.post("/v1/invoices", {"customer": customer, "auto_advance": "false"}), status="draft"
    )
    item = {"customer": customer, "invoice": invoice, "amount": "700", "currency": "usd"}
    made(api.post("/v1/invoiceitems", item))
    finalized = api.post(f"/v1/invoices/{invoice}/finalize", {"auto_advance": "false"})
    return made(finalized, status="open", amount_due=700)


def _at_once(api: Api, path: str, forms: list[dict[str, str]]) -> list[StripeAnswer]:
    several = forms[:5] if api.is_stripe else forms
    return api.together(
        len(several), lambda client, number: api.post(path, several[number], client=client)
    )


def _told(answers: list[StripeAnswer]) -> str:
    counted = Counter(str(answer) for answer in answers)
    return ", ".join(f"{count} × {answer}" for answer, count in sorted(counted.items()))


def _one_won(answers: list[StripeAnswer]) -> None:
    odd = [answer for answer in answers if answer.status not in (200, 400, 409, 429)]
    won = sum(answer.status == 200 for answer in answers)
    expect(not odd and won == 1, f"{won} succeeded; answers: {_told(answers)}")


@check("a Checkout Session is open and unpaid, and has a page to pay on")
def session(api: Api) -> None:
    answer = _session(api, "2")
    identifier = made(answer, status="open", payment_status="unpaid", amount_total=1400)
    expect(str(answer["url"]).startswith("http"), f"url {answer['url']}")
    lines = api.get(f"/v1/checkout/sessions/{identifier}/line_items")["data"]
    expect([line["amount_total"] for line in lines] == [1400], f"line items: {lines}")


@check("a Checkout Session that has expired has no page, and expires once")
def session_expires(api: Api) -> None:
    path = f"/v1/checkout/sessions/{made(_session(api))}"
    expired = api.post(f"{path}/expire")
    made(expired, status="expired")
    expect(expired["url"] is None, f"url {expired['url']}")
    refused(api.post(f"{path}/expire"), 400)


@check("expiries of a Checkout Session at once: one is accepted")
def session_expires_at_once(api: Api) -> None:
    path = f"/v1/checkout/sessions/{made(_session(api))}/expire"
    _one_won(_at_once(api, path, [{}] * _MANY))


@check("a setup intent saves a card and takes nothing", _SETUPS)
def setup(api: Api) -> None:
    customer = made(api.post("/v1/customers", {"description": "stripe-check"}))
    saved = api.post(
        "/v1/setup_intents",
        {**CARD, "customer": customer, "payment_method": "pm_card_visa", "confirm": "true"},
    )
    path = f"/v1/setup_intents/{made(saved, status='succeeded')}"
    methods = api.get("/v1/payment_methods", {"customer": customer, "type": "card"})["data"]
    expect([one["id"] for one in methods] == [saved["payment_method"]], f"saved: {methods}")
    refused(api.post(f"{path}/cancel"), 400, "setup_intent_unexpected_state")


@check("a saved card that must be authenticated is declined off_session", _TESTING)
def off_session(api: Api) -> None:
    customer = made(api.post("/v1/customers", {"description": "stripe-check"}))
    path = "/v1/payment_methods/pm_card_authenticationRequired/attach"
    card = made(api.post(path, {"customer": customer}))
    answer = new(api, confirm="true", payment_method=card, customer=customer, off_session="true")
    refused(answer, 402, "authentication_required")
    intent = answer.error.get("payment_intent") or {}
    expect(intent.get("status") == "requires_payment_method", f"status {intent.get('status')}")


@check("a subscription that is paid is active, and so is its first invoice paid", _SUBSCRIPTIONS)
def subscription(api: Api) -> None:
    form = {"customer": _customer(api), "items[0][price]": _monthly(api)}
    begun = api.post("/v1/subscriptions", form)
    made(begun, status="active")
    made(api.get(f"/v1/invoices/{begun['latest_invoice']}"), status="paid", amount_paid=700)


@check("a subscription is canceled once", _SUBSCRIPTIONS)
def subscription_canceled(api: Api) -> None:
    form = {"customer": _customer(api), "items[0][price]": _monthly(api)}
    path = f"/v1/subscriptions/{made(api.post('/v1/subscriptions', form))}"
    made(api.send("DELETE", path), status="canceled")
    again = api.send("DELETE", path)
    expect(400 <= again.status < 500, f"canceled again, it answered {again}")


@check("an invoice is paid once", _INVOICES)
def invoice(api: Api) -> None:
    path = f"/v1/invoices/{_invoice(api)}"
    made(api.post(f"{path}/pay"), status="paid", amount_paid=700)
    refused(api.post(f"{path}/pay"), 400)
    made(api.get(path), status="paid", amount_paid=700)


@check("payments of an invoice at once take the money once", _INVOICES)
def invoice_at_once(api: Api) -> None:
    identifier = _invoice(api)
    answers = _at_once(api, f"/v1/invoices/{identifier}/pay", [{}] * _MANY)
    _one_won(answers)
    customer = api.get(f"/v1/invoices/{identifier}")["customer"]
    charges = api.get("/v1/charges", {"customer": customer})["data"]
    took = sum(bool(one["paid"]) for one in charges)
    expect(took == 1, f"{took} charges are paid; answers: {_told(answers)}")


@check("a voided invoice is not paid", _INVOICES)
def invoice_voided(api: Api) -> None:
    path = f"/v1/invoices/{_invoice(api)}"
    made(api.post(f"{path}/void"), status="void")
    refused(api.post(f"{path}/pay"), 400)


@check("the last redemption of a coupon goes to one of those who want it at once", _COUPONS)
def coupon_at_once(api: Api) -> None:
    form = {"percent_off": "10", "duration": "once", "max_redemptions": "1"}
    coupon = made(api.post("/v1/coupons", form))
    price = _monthly(api)
    forms = [
        {"customer": _customer(api), "items[0][price]": price, "discounts[0][coupon]": coupon}
        for _ in range(4)
    ]
    _one_won(_at_once(api, "/v1/subscriptions", forms))
    made(api.get(f"/v1/coupons/{coupon}"), times_redeemed=1, valid=False)


@check("a card whose holder disputes has its payment disputed, for the amount of it", _DISPUTES)
def dispute(api: Api) -> None:
    identifier = made(paid(api, "pm_card_createDispute"), status="succeeded")
    until = time.monotonic() + _DISPUTED_WITHIN_S
    while True:
        found = api.get("/v1/disputes", {"payment_intent": identifier})["data"]
        if found or time.monotonic() > until or not api.is_stripe:
            break
        time.sleep(1)
    expect([one["amount"] for one in found] == [1000], f"disputes: {found}")
    charge = charges_of(api, identifier)[0]
    expect(charge["disputed"], "the charge is not disputed")
    refused(api.post("/v1/refunds", {"charge": charge["id"]}), 400, "charge_disputed")
