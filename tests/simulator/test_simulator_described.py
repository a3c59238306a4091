"""Every answer and event of every served route is as Stripe describes it: all that is required is
there, and everything is of its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from description import Description, path_of_description
from simulator_process import API_KEY, Simulator

from paidonce.harness.simulator.endpoints.expand import parse_paths
from paidonce.harness.simulator.endpoints.routes import _ENDPOINTS

KNOWN = {"ui_mode is 'hosted_page'": "so called since version 2026-03-25, which is described later"}
"""What differs on purpose, and why."""


@pytest.fixture(scope="module")
def description() -> Description:
    file = path_of_description()
    if file is None:
        pytest.skip(
            "Stripe's description is not here: go install github.com/stripe/stripe-mock@latest"
        )
    return Description(file)


class Caller:
    """Asks the simulator, and holds what it answers against the description."""

    def __init__(self, simulator: Simulator, description: Description) -> None:
        self._simulator, self._description = simulator, description
        self.wrong: dict[str, str] = {}
        self.routes: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, /, *ids: str, **form: str) -> Any:
        """The answer to ``path`` with ``ids`` in the place of its ``{id}``."""
        self.routes.add((method, path))
        for one in ids:
            path = path.replace("{id}" if "{id}" in path else "{part}", one, 1)
        answer = self._simulator.http.request(
            method,
            path,
            params=form if method == "GET" else None,
            data=form if method != "GET" else None,
            headers={"authorization": f"Bearer {API_KEY}"},
        )
        assert answer.status_code == 200, answer.text
        got = answer.json()
        for found in self._description.violations(method, path, got):
            self.wrong[f"{method} {path}: {found}"] = found
        return got

    def _all(self) -> Iterator[Any]:
        """Every event, page by page."""
        page = self("GET", "/v1/events", limit="100")
        yield from page["data"]
        while page["has_more"]:
            last = page["data"][-1]["id"]
            page = self("GET", "/v1/events", limit="100", starting_after=last)
            yield from page["data"]

    def events(self) -> None:
        for event in self._all():
            for found in self._description.of_event(event):
                self.wrong[f"event {event['type']}: {found}"] = found


def shop(ask: Caller, simulator: Simulator) -> None:
    """Meet every route, with objects in each of their states."""
    customer = ask("POST", "/v1/customers", email="a@shop.test", name="A")["id"]
    ask("GET", "/v1/customers")
    ask("GET", "/v1/customers/search", query="email:'a@shop.test'")
    ask("GET", "/v1/customers/{id}", customer)
    ask("POST", "/v1/customers/{id}", customer, description="b")
    card = {"type": "card", "card[token]": "tok_visa"}
    method = ask("POST", "/v1/payment_methods", **card)["id"]
    ask("GET", "/v1/payment_methods/{id}", method)
    ask("POST", "/v1/payment_methods/{id}/attach", method, customer=customer)
    ask("POST", "/v1/payment_methods/{id}", method, **{"billing_details[name]": "A"})
    ask("GET", "/v1/payment_methods", customer=customer)
    ask("GET", "/v1/customers/{id}/payment_methods", customer)
    ask("POST", "/v1/ephemeral_keys", customer=customer)
    ask("GET", "/v1/customers/{id}/payment_methods/{part}", customer, method)

    paid = {"amount": "1000", "currency": "usd", "confirm": "true"}
    back = {"return_url": "http://shop.test/back"}
    intent = ask("POST", "/v1/payment_intents", amount="1000", currency="usd")["id"]
    ask("POST", "/v1/payment_intents/{id}", intent, description="c")
    ask("POST", "/v1/payment_intents/{id}/confirm", intent, payment_method="pm_card_visa", **back)
    ask("GET", "/v1/payment_intents/{id}", intent, **{"expand[]": "latest_charge"})
    asked = {**paid, "payment_method": "pm_card_threeDSecure2Required", **back}
    ask("POST", "/v1/payment_intents", **asked)
    bank = ask(
        "POST", "/v1/payment_intents", **paid, payment_method="pm_usBankAccount_success", **back
    )
    simulator.control("POST", "settle", {"payment_intent": bank["id"], "succeeded": True})
    held = ask(
        "POST",
        "/v1/payment_intents",
        **paid,
        payment_method="pm_card_visa",
        capture_method="manual",
    )
    ask("POST", "/v1/payment_intents/{id}/capture", held["id"])
    held = ask(
        "POST",
        "/v1/payment_intents",
        **paid,
        payment_method="pm_card_visa",
        capture_method="manual",
    )
    ask("POST", "/v1/charges/{id}/capture", held["latest_charge"])
    given_up = ask("POST", "/v1/payment_intents", amount="1000", currency="usd")
    ask("POST", "/v1/payment_intents/{id}/cancel", given_up["id"])
    ask("GET", "/v1/payment_intents")
    ask("GET", "/v1/payment_intents/search", query="status:'succeeded'")

    charge = held["latest_charge"]
    ask("GET", "/v1/charges")
    ask("GET", "/v1/charges/search", query="refunded:'false' AND amount>1")
    ask("GET", "/v1/charges/{id}", charge)
    ask("POST", "/v1/charges/{id}", charge, description="d")
    refund = ask("POST", "/v1/refunds", charge=charge, amount="100")["id"]
    ask("GET", "/v1/refunds")
    ask("GET", "/v1/refunds/{id}", refund)
    ask("POST", "/v1/refunds/{id}", refund, **{"metadata[a]": "b"})
    ask("GET", "/v1/charges/{id}/refunds", charge)
    ask("GET", "/v1/charges/{id}/refunds/{part}", charge, refund)
    ask("POST", "/v1/charges/{id}/refunds/{part}", charge, refund, **{"metadata[a]": "c"})
    ask("POST", "/v1/charges/{id}/refunds", charge, amount="100")
    ask("POST", "/v1/charges/{id}/refund", charge, amount="100")
    ask("GET", "/v1/balance")
    whole = {"limit": "100", "expand[]": "data.source"}
    entry = ask("GET", "/v1/balance_transactions", **whole)["data"][0]["id"]
    ask("GET", "/v1/balance_transactions/{id}", entry)

    setup = ask("POST", "/v1/setup_intents", customer=customer)["id"]
    ask("POST", "/v1/setup_intents/{id}", setup, description="e")
    ask("POST", "/v1/setup_intents/{id}/confirm", setup, payment_method="pm_card_visa", **back)
    ask("GET", "/v1/setup_intents/{id}", setup)
    asking = "pm_card_authenticationRequiredOnSetup"
    asked = ask("POST", "/v1/setup_intents", payment_method=asking, confirm="true", **back)
    ask("POST", "/v1/setup_intents/{id}/cancel", asked["id"])
    ask("GET", "/v1/setup_intents")
    element = {
        "components[payment_element][enabled]": "true",
        "components[payment_element][features][payment_method_save]": "enabled",
    }
    ask("POST", "/v1/customer_sessions", customer=customer, **element)

    product = ask("POST", "/v1/products", name="Tea")["id"]
    ask("GET", "/v1/products")
    ask("GET", "/v1/products/search", query="active:'true'")
    ask("GET", "/v1/products/{id}", product)
    ask("POST", "/v1/products/{id}", product, description="green")
    price = ask("POST", "/v1/prices", product=product, currency="usd", unit_amount="500")["id"]
    ask("GET", "/v1/prices")
    ask("GET", "/v1/prices/search", query="currency:'usd'")
    ask("GET", "/v1/prices/{id}", price)
    ask("POST", "/v1/prices/{id}", price, nickname="dear")
    ask("DELETE", "/v1/products/{id}", ask("POST", "/v1/products", name="Cup")["id"])
    sale = {
        "mode": "payment",
        "success_url": "http://shop.test/done",
        "line_items[0][price]": price,
        "line_items[0][quantity]": "2",
    }
    session = ask("POST", "/v1/checkout/sessions", **sale)
    simulator.http.post(session["url"])
    ask(
        "GET",
        "/v1/checkout/sessions/{id}",
        session["id"],
        **{"expand[0]": "line_items", "expand[1]": "payment_intent"},
    )
    over = ask("POST", "/v1/checkout/sessions", **sale, customer=customer)
    ask("POST", "/v1/checkout/sessions/{id}", over["id"], **{"metadata[a]": "b"})
    ask("GET", "/v1/checkout/sessions/{id}/line_items", over["id"])
    ask("POST", "/v1/checkout/sessions/{id}/expire", over["id"])
    ask("GET", "/v1/checkout/sessions")

    endpoint = ask(
        "POST",
        "/v1/webhook_endpoints",
        url="http://127.0.0.1:9/hook",
        **{"enabled_events[]": "charge.failed"},
    )["id"]
    ask("GET", "/v1/webhook_endpoints")
    ask("GET", "/v1/webhook_endpoints/{id}", endpoint)
    ask("POST", "/v1/webhook_endpoints/{id}", endpoint, disabled="true")
    ask("DELETE", "/v1/webhook_endpoints/{id}", endpoint)
    ask("GET", "/v1/events/{id}", ask("GET", "/v1/events")["data"][0]["id"])
    ask("POST", "/v1/payment_methods/{id}/detach", method)
    ask("DELETE", "/v1/customers/{id}", customer)


def billing(ask: Caller, simulator: Simulator) -> None:
    """Meet the routes of subscriptions, invoices, and what makes them cheaper."""
    clocks = "/v1/test_helpers/test_clocks"
    start = 1_800_000_000
    clock = ask("POST", clocks, frozen_time=str(start), name="A")["id"]
    ask("GET", clocks)
    ask("GET", clocks + "/{id}", clock)
    card = "pm_card_visa"
    customer = ask(
        "POST",
        "/v1/customers",
        test_clock=clock,
        payment_method=card,
        **{"invoice_settings[default_payment_method]": card},
    )["id"]
    recurring = {"recurring[interval]": "month", "product_data[name]": "Tea"}
    price = ask("POST", "/v1/prices", currency="usd", unit_amount="500", **recurring)["id"]
    dear = ask("POST", "/v1/prices", currency="usd", unit_amount="900", **recurring)["id"]
    coupon = ask(
        "POST",
        "/v1/coupons",
        percent_off="12.5",
        duration="repeating",
        duration_in_months="3",
        **{"applies_to[products][]": "prod_x"},
    )["id"]
    coupon = ask("POST", "/v1/coupons", percent_off="12.5", max_redemptions="9")["id"]
    ask("GET", "/v1/coupons")
    ask("GET", "/v1/coupons/{id}", coupon)
    ask("POST", "/v1/coupons/{id}", coupon, name="cheap")
    promotion = {"promotion[type]": "coupon", "promotion[coupon]": coupon}
    code = ask("POST", "/v1/promotion_codes", code="SAVE", **promotion)["id"]
    ask("GET", "/v1/promotion_codes", code="save")
    ask("GET", "/v1/promotion_codes/{id}", code)
    ask("POST", "/v1/promotion_codes/{id}", code, **{"metadata[a]": "b"})

    ask("POST", "/v1/invoiceitems", customer=customer, amount="70", currency="usd")
    bought = {"customer": customer, "items[0][price]": price}
    made = ask(
        "POST",
        "/v1/subscriptions",
        **bought,
        **{"discounts[0][promotion_code]": code, "expand[0]": "latest_invoice.payments"},
        **{"expand[1]": "discounts.source.coupon", "expand[2]": "items.data.price.product"},
    )
    subscription = made["id"]
    assert made["status"] == "active"
    ask("GET", "/v1/subscriptions")
    ask("GET", "/v1/subscriptions/search", query="status:'active'")
    ask("POST", "/v1/invoices/create_preview", subscription=subscription)
    ask("GET", "/v1/subscriptions/{id}", subscription)
    item = ask("GET", "/v1/subscription_items", subscription=subscription)["data"][0]["id"]
    ask("GET", "/v1/subscription_items/{id}", item)
    ask("POST", "/v1/subscription_items/{id}", item, quantity="2")
    other = ask("POST", "/v1/subscription_items", subscription=subscription, price=dear)["id"]
    ask("DELETE", "/v1/subscription_items/{id}", other)
    ask("POST", "/v1/subscriptions/{id}", subscription, cancel_at_period_end="true")
    ask("POST", "/v1/subscriptions/{id}", subscription, cancel_at_period_end="false")
    ask(
        "POST",
        "/v1/subscriptions/{id}",
        subscription,
        **{"items[0][id]": item, "items[0][price]": dear, "proration_behavior": "always_invoice"},
    )
    ask("POST", clocks + "/{id}/advance", clock, frozen_time=str(start + 33 * 86_400))
    trial = ask(
        "POST",
        "/v1/subscriptions",
        **bought,
        trial_period_days="7",
        **{"discounts[0][coupon]": coupon},
    )["id"]
    lasting = ask("POST", "/v1/coupons", amount_off="10", currency="usd", duration="forever")["id"]
    ask("POST", "/v1/subscriptions/{id}", trial, **{"discounts[0][coupon]": lasting})
    ask("DELETE", "/v1/subscriptions/{id}/discount", trial)
    ask("DELETE", "/v1/subscriptions/{id}", trial, invoice_now="true", prorate="true")
    poor = ask("POST", "/v1/customers", test_clock=clock)["id"]
    paused = ask(
        "POST",
        "/v1/subscriptions",
        customer=poor,
        trial_period_days="7",
        **{
            "items[0][price]": price,
            "trial_settings[end_behavior][missing_payment_method]": "pause",
        },
    )["id"]
    ask("POST", clocks + "/{id}/advance", clock, frozen_time=str(start + 45 * 86_400))
    asked = ask(
        "POST",
        "/v1/subscriptions",
        customer=poor,
        payment_behavior="default_incomplete",
        **{"items[0][price]": price, "expand[]": "latest_invoice.confirmation_secret"},
    )
    assert asked["status"] == "incomplete"
    assert asked["latest_invoice"]["confirmation_secret"]["client_secret"]
    ask("POST", "/v1/subscriptions/{id}/resume", paused)

    invoice = ask("POST", "/v1/invoices", customer=customer)["id"]
    line = ask(
        "POST", "/v1/invoiceitems", customer=customer, amount="900", currency="usd", invoice=invoice
    )["id"]
    ask("GET", "/v1/invoiceitems")
    ask("GET", "/v1/invoiceitems/{id}", line)
    ask("POST", "/v1/invoiceitems/{id}", line, amount="1900")
    ask("GET", "/v1/invoices")
    ask("GET", "/v1/invoices/search", query="status:'draft'")
    ask("GET", "/v1/invoices/{id}", invoice)
    ask("GET", "/v1/invoices/{id}/lines", invoice)
    ask("POST", "/v1/invoices/{id}", invoice, description="tea")
    ask("POST", "/v1/invoices/{id}/finalize", invoice)
    ask(
        "POST",
        "/v1/invoices/{id}/pay",
        invoice,
        **{"expand[]": "payments.data.payment.payment_intent"},
    )
    payment = ask("GET", "/v1/invoice_payments", invoice=invoice)["data"][0]["id"]
    ask("GET", "/v1/invoice_payments/{id}", payment)
    late = {"collection_method": "send_invoice", "days_until_due": "3"}
    for end in ("void", "mark_uncollectible"):
        left = ask("POST", "/v1/invoices", customer=customer, **late)["id"]
        ask(
            "POST",
            "/v1/invoiceitems",
            customer=customer,
            amount="900",
            currency="usd",
            invoice=left,
        )
        ask("POST", "/v1/invoices/{id}/send", left)
        ask("POST", "/v1/invoices/{id}/" + end, left)
    moves = "/v1/customers/{id}/balance_transactions"
    move = ask("POST", moves, customer, amount="-50", currency="usd")["id"]
    ask("GET", moves, customer)
    ask("GET", moves + "/{part}", customer, move)
    ask("POST", moves + "/{part}", customer, move, description="for the trouble")
    draft = ask("POST", "/v1/invoices", customer=customer)["id"]
    gone = ask("POST", "/v1/invoiceitems", customer=customer, amount="5", currency="usd")["id"]
    ask("DELETE", "/v1/invoiceitems/{id}", gone)
    ask("DELETE", "/v1/invoices/{id}", draft)
    ask("DELETE", "/v1/coupons/{id}", coupon)
    ask("DELETE", clocks + "/{id}", clock)


def connect(ask: Caller, simulator: Simulator) -> None:
    """Meet the routes of what is sent on, paid out and disputed."""
    ask("GET", "/v1/account")
    able = {"capabilities[transfers][requested]": "true"}
    account = ask("POST", "/v1/accounts", type="express", country="US", **able)["id"]
    ask("GET", "/v1/accounts")
    ask("GET", "/v1/accounts/{id}", account)
    ask("POST", "/v1/accounts/{id}", account, email="a@shop.test")
    ask("POST", "/v1/account_links", account=account, type="account_onboarding")
    ask("POST", "/v1/accounts/{id}/login_links", account)
    paid = {"amount": "5000", "currency": "usd", "confirm": "true"}
    back = {"return_url": "http://shop.test/back"}
    method = "pm_card_bypassPending"
    rich = ask("POST", "/v1/payment_intents", **paid, payment_method=method, **back)
    transfer = ask(
        "POST",
        "/v1/transfers",
        currency="usd",
        destination=account,
        source_transaction=rich["latest_charge"],
        amount="900",
        **{"expand[]": "destination"},
    )["id"]
    ask("GET", "/v1/transfers", destination=account)
    ask("GET", "/v1/transfers/{id}", transfer)
    ask("POST", "/v1/transfers/{id}", transfer, description="tea")
    reversal = ask("POST", "/v1/transfers/{id}/reversals", transfer, amount="100")["id"]
    ask("GET", "/v1/transfers/{id}/reversals", transfer)
    one = "/v1/transfers/{id}/reversals/{part}"
    ask("GET", one, transfer, reversal)
    ask("POST", one, transfer, reversal, **{"metadata[a]": "b"})
    sent_on = {"transfer_data[destination]": account, "application_fee_amount": "300"}
    method = "pm_card_visa"
    sent = ask("POST", "/v1/payment_intents", **paid, payment_method=method, **sent_on, **back)
    whole = {"reverse_transfer": "true", "refund_application_fee": "true", "amount": "1000"}
    ask("POST", "/v1/refunds", payment_intent=sent["id"], **whole)
    fee = ask("GET", "/v1/application_fees")["data"][0]["id"]
    ask("GET", "/v1/application_fees/{id}", fee)
    part = ask("POST", "/v1/application_fees/{id}/refunds", fee, amount="10")["id"]
    ask("GET", "/v1/application_fees/{id}/refunds", fee)
    one = "/v1/application_fees/{id}/refunds/{part}"
    ask("GET", one, fee, part)
    ask("POST", one, fee, part, **{"metadata[a]": "b"})
    payout = ask("POST", "/v1/payouts", amount="100", currency="usd")["id"]
    ask("GET", "/v1/payouts")
    ask("GET", "/v1/payouts/{id}", payout)
    ask("POST", "/v1/payouts/{id}", payout, **{"metadata[a]": "b"})
    ask("POST", "/v1/payouts/{id}/cancel", payout)
    arrived = ask("POST", "/v1/payouts", amount="100", currency="usd", method="instant")["id"]
    simulator.control("POST", "clock", {"advance_seconds": 3600})
    ask("POST", "/v1/payouts/{id}/reverse", arrived)
    for card in ("createDispute", "createDisputeInquiry"):
        ask("POST", "/v1/payment_intents", **paid, payment_method=f"pm_card_{card}", **back)
        dispute = ask("GET", "/v1/disputes", **{"expand[]": "data.charge"})["data"][0]["id"]
        ask("GET", "/v1/disputes/{id}", dispute)
        ask("POST", "/v1/disputes/{id}", dispute, submit="false", **{"evidence[receipt]": "r"})
        won = {"evidence[uncategorized_text]": "winning_evidence"}
        ask("POST", "/v1/disputes/{id}", dispute, **won)
    ask("POST", "/v1/payment_intents", **paid, payment_method="pm_card_createDispute", **back)
    ask("POST", "/v1/disputes/{id}/close", ask("GET", "/v1/disputes")["data"][0]["id"])
    held = {
        "payment_method": "pm_card_visa",
        "capture_method": "manual",
        "payment_method_options[card][request_incremental_authorization]": "if_available",
    }
    intent = ask("POST", "/v1/payment_intents", **paid, **held)["id"]
    ask("POST", "/v1/payment_intents/{id}/increment_authorization", intent, amount="6000")
    owner = ask("POST", "/v1/customers")["id"]
    ask("POST", "/v1/billing_portal/sessions", customer=owner, return_url="http://shop.test/me")
    by_hand = {"settings[reconciliation_mode]": "manual"}
    ask("POST", "/v1/customers/{id}/cash_balance", owner, **by_hand)
    funds = {"amount": "900", "currency": "usd"}
    ask("POST", "/v1/test_helpers/customers/{id}/fund_cash_balance", owner, **funds)
    ask("GET", "/v1/customers/{id}/cash_balance", owner)
    sent = {
        "payment_method_types[]": "customer_balance",
        "payment_method_data[type]": "customer_balance",
        "confirm": "true",
        "customer": owner,
    }
    waiting = ask("POST", "/v1/payment_intents", amount="1500", currency="usd", **sent)["id"]
    apply = "/v1/payment_intents/{id}/apply_customer_balance"
    ask("POST", apply, waiting, amount="600")
    ask("POST", "/v1/test_helpers/customers/{id}/fund_cash_balance", owner, **funds)
    ask("POST", apply, waiting)
    for email, end in (
        ("a@shop.test", "/v1/refunds/{id}/cancel"),
        ("b@shop.test", "/v1/test_helpers/refunds/{id}/expire"),
    ):
        part = {"payment_intent": waiting, "amount": "100", "instructions_email": email}
        assert ask("POST", end, ask("POST", "/v1/refunds", **part)["id"])["status"] == "canceled"
    moves = "/v1/customers/{id}/cash_balance_transactions"
    for move in ask("GET", moves, owner)["data"]:
        ask("GET", moves + "/{part}", owner, move["id"])
    ask("POST", "/v1/charges", amount="500", currency="usd", source="tok_visa")
    later = ask("POST", "/v1/charges", amount="500", currency="usd", source="tok_pendingRefund")
    ask("POST", "/v1/refunds", charge=later["id"], **{"expand[]": "charge.refunds"})
    ask("GET", "/v1/balance")
    ask("POST", "/v1/accounts/{id}/reject", account, reason="fraud")
    ask("DELETE", "/v1/accounts/{id}", account)


def test_every_answer_and_event_is_as_stripe_describes_it(
    simulator: Simulator, description: Description
) -> None:
    ask = Caller(simulator, description)
    shop(ask, simulator)
    billing(ask, simulator)
    connect(ask, simulator)
    ask.events()
    assert ask.routes == set(_ENDPOINTS), "routes that were not met, or are not there"
    wrong = [where for where in ask.wrong if not any(known in where for known in KNOWN)]
    assert not wrong, "\n".join(wrong)


def test_what_stripe_expands_is_expanded(description: Description) -> None:
    """Every path, but for those to kinds of objects of which there are none here."""
    for kind in sorted({endpoint.kind for endpoint in _ENDPOINTS.values()}):
        for path, targets in description.expandable(kind):
            if targets & {endpoint.kind for endpoint in _ENDPOINTS.values()}:
                assert parse_paths(kind, (path,), listed=False), (kind, path)


def test_an_answer_that_is_not_as_described_is_found_out(description: Description) -> None:
    path = "/v1/refunds/re_1"
    broken = {"id": "re_1", "object": "refund", "amount": "100", "status": None}
    found = description.violations("GET", path, broken)
    assert ".amount is '100', not of type integer" in found
    assert ".created is missing" in found
