"""Giving money back, and the account's books."""

from __future__ import annotations

from paidonce.harness.conformance.checks import Group, charges_of, expect, made, new, paid, refused
from paidonce.harness.conformance.client import Api

check = Group("refunds and balance", "https://docs.stripe.com/api/refunds/create")


@check("a refund in parts stops at what was captured")
def refund_in_parts(api: Api) -> None:
    intent = made(paid(api), status="succeeded")
    made(api.post("/v1/refunds", {"payment_intent": intent, "amount": "400"}), amount=400)
    refused(api.post("/v1/refunds", {"payment_intent": intent, "amount": "601"}), 400)
    made(api.post("/v1/refunds", {"payment_intent": intent}), amount=600)
    (charge,) = charges_of(api, intent)
    expect(charge["amount_refunded"] == 1000, f"amount_refunded is {charge['amount_refunded']}")
    expect(charge["refunded"] is True, "the charge does not say that it is refunded")


@check("what is refunded in full is not refunded again")
def refund_twice(api: Api) -> None:
    intent = made(paid(api), status="succeeded")
    made(api.post("/v1/refunds", {"payment_intent": intent}), amount=1000)
    again = api.post("/v1/refunds", {"payment_intent": intent})
    refused(again, 400, "charge_already_refunded")


@check("what was never paid is not refunded")
def refund_unpaid(api: Api) -> None:
    intent = made(new(api))
    refused(api.post("/v1/refunds", {"payment_intent": intent}), 400)


@check("no more is refunded than was captured of a larger amount")
def refund_of_part_captured(api: Api) -> None:
    intent = made(paid(api, capture_method="manual"), status="requires_capture")
    made(api.post(f"/v1/payment_intents/{intent}/capture", {"amount_to_capture": "300"}))
    refused(api.post("/v1/refunds", {"payment_intent": intent, "amount": "301"}), 400)
    made(api.post("/v1/refunds", {"payment_intent": intent}), amount=300)


@check(
    "charges and refunds are booked with their fee and net",
    "https://docs.stripe.com/api/balance_transactions/object",
)
def books(api: Api) -> None:
    intent = made(paid(api), status="succeeded")
    (charge,) = charges_of(api, intent)
    refund = api.post("/v1/refunds", {"payment_intent": intent, "amount": "250"})
    made(refund)
    for source, amount in ((charge, 1000), (refund, -250)):
        identifier = source["balance_transaction"]
        expect(isinstance(identifier, str), "there is no balance transaction")
        entry = api.get(f"/v1/balance_transactions/{identifier}")
        made(entry, amount=amount, source=source["id"])
        expect(entry["net"] == amount - entry["fee"], f"net {entry['net']}, fee {entry['fee']}")
