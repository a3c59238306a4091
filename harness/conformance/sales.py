"""Sales: what there is to buy, pages to pay on, and cards that are saved for later."""

from __future__ import annotations

from urllib.parse import urlsplit

from paidonce.harness.conformance import goods
from paidonce.harness.conformance.checks import (
    CARD,
    Group,
    Skipped,
    charges_of,
    expect,
    made,
    new,
    refused,
)
from paidonce.harness.conformance.client import Api, StripeAnswer, fresh

check = Group("what is sold", "https://docs.stripe.com/api/checkout/sessions")

_PRODUCTS = "https://docs.stripe.com/api/products"
_PRICES = "https://docs.stripe.com/api/prices"
_SETUPS = "https://docs.stripe.com/api/setup_intents"
_METHODS = "https://docs.stripe.com/api/payment_methods"
_TESTING = "https://docs.stripe.com/testing"


def _paid_on_its_page(api: Api, session: StripeAnswer) -> tuple[str, dict[str, str]]:
    """Return what pays a session by one POST to its page, which is the server's own."""
    page = urlsplit(str(session["url"]))
    if page.netloc != urlsplit(api.url).netloc:
        raise Skipped("its page is elsewhere, and paid on in a browser")
    return page.path, {"payment_method": "pm_card_visa", "email": "a@example.com"}


def _methods(api: Api, customer: str) -> list[str]:
    listed = api.get("/v1/payment_methods", {"customer": customer, "type": "card"})
    return [str(one["id"]) for one in listed["data"]]


@check("a product is kept, changed and deleted", _PRODUCTS)
def product(api: Api) -> None:
    name = fresh("product")
    identifier = made(api.post("/v1/products", {"name": name}), name=name, active=True)
    path = f"/v1/products/{identifier}"
    made(api.post(path, {"description": "green"}), name=name, description="green")
    made(api.send("DELETE", path), deleted=True)
    refused(api.post("/v1/prices", {**goods.PRICE, "product": identifier}), 400)


@check("a product that has a price cannot be deleted", f"{_PRODUCTS}/delete")
def product_with_a_price(api: Api) -> None:
    identifier = made(api.post("/v1/products", {"name": "Tea"}), active=True)
    made(api.post("/v1/prices", {**goods.PRICE, "product": identifier}), product=identifier)
    refused(api.send("DELETE", f"/v1/products/{identifier}"), 400)
    made(api.get(f"/v1/products/{identifier}"), id=identifier, name="Tea")


@check("what a price asks for cannot be changed, only whether it is sold", _PRICES)
def price(api: Api) -> None:
    path = f"/v1/prices/{goods.price(api)}"
    refused(api.post(path, {"unit_amount": "1"}), 400, "parameter_unknown")
    made(api.post(path, {"active": "false"}), active=False, unit_amount=700)
    sold = {
        "mode": "payment",
        "success_url": "https://shop.example/paid",
        "line_items[0][price]": path.rpartition("/")[2],
        "line_items[0][quantity]": "1",
    }
    refused(api.post("/v1/checkout/sessions", sold), 400)


@check("a Checkout Session is open and unpaid, and has a page to pay on")
def session(api: Api) -> None:
    answer = goods.session(api, "2")
    identifier = made(answer, status="open", payment_status="unpaid", amount_total=1400)
    expect(str(answer["url"]).startswith("http"), f"url {answer['url']}")
    lines = api.get(f"/v1/checkout/sessions/{identifier}/line_items")["data"]
    expect([line["amount_total"] for line in lines] == [1400], f"line items: {lines}")


@check("a Checkout Session sells what recurs in mode subscription, and never in mode payment")
def session_modes(api: Api) -> None:
    line = {"line_items[0][price]": goods.monthly(api), "line_items[0][quantity]": "1"}
    form = {"success_url": "https://shop.example/paid", **line}
    opened = api.post("/v1/checkout/sessions", {"mode": "subscription", **form})
    made(opened, status="open", mode="subscription", subscription=None, amount_total=700)
    refused(api.post("/v1/checkout/sessions", {"mode": "payment", **form}), 400)
    saves = {"mode": "setup", "currency": "usd", "success_url": "https://shop.example/saved"}
    made(api.post("/v1/checkout/sessions", saves), status="open", amount_total=None)


@check("a Checkout Session that has expired has no page, and expires once")
def session_expires(api: Api) -> None:
    path = f"/v1/checkout/sessions/{made(goods.session(api))}"
    expired = api.post(f"{path}/expire")
    made(expired, status="expired")
    expect(expired["url"] is None, f"url {expired['url']}")
    refused(api.post(f"{path}/expire"), 400)


@check("expiries of a Checkout Session at once: one is accepted")
def session_expires_at_once(api: Api) -> None:
    path = f"/v1/checkout/sessions/{made(goods.session(api))}/expire"
    goods.one_won(goods.at_once(api, [(path, {})] * goods.MANY))


@check("a Checkout Session that is paid is complete, by one charge, and does not expire")
def session_paid(api: Api) -> None:
    opened = goods.session(api, **{"payment_intent_data[metadata][order]": "o-1"})
    path = f"/v1/checkout/sessions/{made(opened, status='open')}"
    page, form = _paid_on_its_page(api, opened)
    api.post(page, form)
    answer = api.get(path)
    made(answer, status="complete", payment_status="paid", url=None)
    intent = api.get(f"/v1/payment_intents/{answer['payment_intent']}")
    made(intent, status="succeeded", amount_received=700, metadata={"order": "o-1"})
    api.post(page, form)
    expect(len(charges_of(api, str(answer["payment_intent"]))) == 1, "it was charged again")
    refused(api.post(f"{path}/expire"), 400)


@check("of payments and expiries of a Checkout Session at once one wins")
def session_paid_or_expired(api: Api) -> None:
    opened = goods.session(api)
    path = f"/v1/checkout/sessions/{made(opened, status='open')}"
    pays = _paid_on_its_page(api, opened)
    goods.at_once(api, [pays, (f"{path}/expire", {})] * (goods.MANY // 2))
    answer = api.get(path)
    status, intent = answer["status"], answer["payment_intent"]
    expect(status in ("complete", "expired"), f"it is {status}")
    charges = [] if intent is None else charges_of(api, str(intent))
    took = sum(bool(charge["paid"]) for charge in charges)
    expect(took == (status == "complete"), f"it is {status}, and {took} charges are paid")


@check("a setup intent saves a card and takes nothing", _SETUPS)
def setup(api: Api) -> None:
    customer = goods.customer(api)
    saved = api.post(
        "/v1/setup_intents",
        {**CARD, "customer": customer, "payment_method": "pm_card_visa", "confirm": "true"},
    )
    path = f"/v1/setup_intents/{made(saved, status='succeeded')}"
    methods = _methods(api, customer)
    expect(methods == [saved["payment_method"]], f"saved: {methods}")
    refused(api.post(f"{path}/cancel"), 400, "setup_intent_unexpected_state")


@check("a setup intent that is canceled saves nothing any more", _SETUPS)
def setup_canceled(api: Api) -> None:
    customer = goods.customer(api)
    path = (
        f"/v1/setup_intents/{made(api.post('/v1/setup_intents', {**CARD, 'customer': customer}))}"
    )
    made(api.post(f"{path}/cancel"), status="canceled")
    again = api.post(f"{path}/confirm", {"payment_method": "pm_card_visa"})
    refused(again, 400, "setup_intent_unexpected_state")
    expect(not _methods(api, customer), "the card was saved")


@check("confirmations of a setup intent at once save one card", _SETUPS)
def setup_at_once(api: Api) -> None:
    customer = goods.customer(api)
    path = (
        f"/v1/setup_intents/{made(api.post('/v1/setup_intents', {**CARD, 'customer': customer}))}"
    )
    asked = [(f"{path}/confirm", {"payment_method": "pm_card_visa"})] * goods.MANY
    answers = goods.at_once(api, asked)
    made(api.get(path), status="succeeded")
    saved = _methods(api, customer)
    expect(len(saved) == 1, f"{len(saved)} cards are saved; answers: {goods.told(answers)}")


@check("a card that asks when it is set up is not saved before that is answered", _TESTING)
def setup_asks(api: Api) -> None:
    customer = goods.customer(api)
    form = {
        **CARD,
        "customer": customer,
        "payment_method": "pm_card_authenticationRequiredOnSetup",
        "confirm": "true",
        "return_url": "https://shop.example/back",
    }
    asked = api.post("/v1/setup_intents", form)
    made(asked, status="requires_action")
    expect((asked["next_action"] or {}).get("type"), f"next_action {asked['next_action']}")
    expect(not _methods(api, customer), "the card is saved")


@check("a saved card that must be authenticated is declined off_session", _TESTING)
def off_session(api: Api) -> None:
    customer = goods.customer(api)
    card = goods.kept(api, customer, "pm_card_authenticationRequired")
    answer = new(api, confirm="true", payment_method=card, customer=customer, off_session="true")
    refused(answer, 402, "authentication_required")
    intent = answer.error.get("payment_intent") or {}
    expect(intent.get("status") == "requires_payment_method", f"status {intent.get('status')}")


@check("a payment method's owner can be changed while a customer has it", f"{_METHODS}/update")
def method_updated(api: Api) -> None:
    customer = goods.customer(api)
    path = f"/v1/payment_methods/{goods.kept(api, customer)}"
    named = {"billing_details[name]": "A", "metadata[order]": "o-1"}
    answer = api.post(path, named)
    made(answer, customer=customer, metadata={"order": "o-1"})
    expect(answer["billing_details"]["name"] == "A", f"billing: {answer['billing_details']}")
    made(api.get(path), metadata={"order": "o-1"})


@check("a payment method that was detached pays nothing any more", f"{_METHODS}/detach")
def method_detached(api: Api) -> None:
    customer = goods.customer(api)
    card = goods.kept(api, customer)
    made(api.post(f"/v1/payment_methods/{card}/detach"), customer=None)
    expect(not _methods(api, customer), "the customer has it still")
    refused(new(api, confirm="true", payment_method=card), 400)
    refused(api.post(f"/v1/payment_methods/{card}/attach", {"customer": customer}), 400)
