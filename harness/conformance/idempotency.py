"""Idempotency keys."""

from __future__ import annotations

from paidonce.harness.conformance.checks import NEW, Group, expect, made, refused
from paidonce.harness.conformance.client import Api, StripeAnswer, fresh

check = Group("idempotency", "https://docs.stripe.com/api/idempotent_requests")

_PAY = {**NEW, "confirm": "true", "payment_method": "pm_card_visa"}
_INTENTS = "/v1/payment_intents"


def _same(first: StripeAnswer, second: StripeAnswer) -> None:
    expect(first.status == second.status, f"first {first}, then {second}")
    expect(first["id"] == second["id"], f"first {first['id']}, then {second['id']}")


@check("a repeated key repeats the answer and does nothing")
def replay(api: Api) -> None:
    key = fresh("replay")
    first, second = (api.post(_INTENTS, _PAY, key=key) for _ in "12")
    made(first, status="succeeded")
    _same(first, second)
    expect(first.text == second.text, "the two bodies differ")


@check(
    "a replay says so in its headers",
    "https://docs.stripe.com/error-low-level#idempotency",
)
def replay_header(api: Api) -> None:
    key = fresh("header")
    first, second = (api.post(_INTENTS, NEW, key=key) for _ in "12")
    _same(first, second)
    expect("Idempotent-Replayed" not in first.headers, "the first answer says it is a replay")
    got = second.headers.get("Idempotent-Replayed")
    expect(got == "true", f"Idempotent-Replayed is {got}")
    expect(
        first.headers.get("Request-Id") != second.headers.get("Request-Id"), "one Request-Id twice"
    )


@check("a key stays with its answer though the object has changed")
def replay_of_the_past(api: Api) -> None:
    key = fresh("past")
    first = api.post(_INTENTS, NEW, key=key)
    made(api.post(f"{_INTENTS}/{made(first)}/cancel"), status="canceled")
    made(api.post(_INTENTS, NEW, key=key), id=first["id"], status="requires_payment_method")


@check("other parameters under the same key are an idempotency_error")
def mismatch(api: Api) -> None:
    key = fresh("mismatch")
    made(api.post(_INTENTS, NEW, key=key))
    other = api.post(_INTENTS, {**NEW, "amount": "2000"}, key=key)
    refused(other, 400)
    got = other.error.get("type")
    expect(got == "idempotency_error", f"type {got}")


@check("another endpoint under the same key is an idempotency_error")
def other_endpoint(api: Api) -> None:
    key = fresh("endpoint")
    intent = made(api.post(_INTENTS, NEW, key=key))
    other = api.post(f"{_INTENTS}/{intent}/cancel", key=key)
    refused(other, 400)
    got = other.error.get("type")
    expect(got == "idempotency_error", f"type {got}")


@check("a decline is kept like a success")
def decline_is_kept(api: Api) -> None:
    key = fresh("decline")
    form = {**_PAY, "payment_method": "pm_card_chargeDeclined"}
    first, second = (api.post(_INTENTS, form, key=key) for _ in "12")
    refused(first, 402, "card_declined")
    refused(second, 402, "card_declined")
    charges = [answer.error.get("charge") for answer in (first, second)]
    expect(charges[0] == charges[1], f"two charges, {charges}")


@check("parameters that fail validation leave the key free")
def validation_is_not_kept(api: Api) -> None:
    key = fresh("validation")
    refused(api.post(_INTENTS, {"currency": "usd"}, key=key), 400, "parameter_missing")
    made(api.post(_INTENTS, NEW, key=key), status="requires_payment_method")


@check("a missing API key leaves the idempotency key free")
def unauthorized_is_not_kept(api: Api) -> None:
    key = fresh("unauthorized")
    refused(api.post(_INTENTS, NEW, key=key, account=None), 401)
    made(api.post(_INTENTS, NEW, key=key), status="requires_payment_method")


@check("a key has at most 255 characters")
def key_length(api: Api) -> None:
    longest = fresh("long").ljust(255, "k")
    made(api.post(_INTENTS, NEW, key=longest))
    refused(api.post(_INTENTS, NEW, key=longest + "k"), 400)


@check("refunds are made once for a key")
def refund_once(api: Api) -> None:
    intent, key = made(api.post(_INTENTS, _PAY), status="succeeded"), fresh("refund")
    form = {"payment_intent": intent, "amount": "400"}
    _same(*(api.post("/v1/refunds", form, key=key) for _ in "12"))
    listed = api.get("/v1/refunds", {"payment_intent": intent})
    expect(listed.status == 200, f"listing refunds: {listed}")
    expect(len(listed["data"]) == 1, f"{len(listed['data'])} refunds")
