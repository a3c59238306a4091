"""A payment intent from its creation to its end."""

from __future__ import annotations

from paidonce.harness.conformance.checks import Group, charges_of, expect, made, new, paid, refused
from paidonce.harness.conformance.client import Api, StripeAnswer

check = Group("payment intents", "https://docs.stripe.com/payments/paymentintents/lifecycle")

_TESTING = "https://docs.stripe.com/testing"
_HOLDS = "https://docs.stripe.com/payments/place-a-hold-on-a-payment-method"
_STATE = "payment_intent_unexpected_state"


def _unchanged(api: Api, before: StripeAnswer) -> None:
    now = api.get(f"/v1/payment_intents/{before['id']}")
    for name in ("status", "amount", "amount_received", "amount_capturable", "latest_charge"):
        expect(now[name] == before[name], f"{name} went from {before[name]} to {now[name]}")


@check("a card that pays makes one captured charge")
def payment(api: Api) -> None:
    answer = paid(api)
    identifier = made(answer, status="succeeded", amount_received=1000)
    charges = charges_of(api, identifier)
    expect(len(charges) == 1, f"{len(charges)} charges")
    expect(charges[0]["id"] == answer["latest_charge"], "latest_charge is another one")
    expect(charges[0]["paid"] and charges[0]["captured"], "the charge is not paid and captured")


@check("in steps: created, given a payment method, confirmed")
def payment_in_steps(api: Api) -> None:
    path = f"/v1/payment_intents/{made(new(api), status='requires_payment_method')}"
    made(api.post(path, {"payment_method": "pm_card_visa"}), status="requires_confirmation")
    made(api.post(path, {"amount": "900"}), amount=900)
    made(api.post(f"{path}/confirm"), status="succeeded", amount_received=900)


@check("a declined card is 402 card_error and leaves a payable intent", _TESTING)
def decline(api: Api) -> None:
    answer = paid(api, "pm_card_chargeDeclinedInsufficientFunds")
    refused(answer, 402, "card_declined")
    expect(answer.error.get("type") == "card_error", f"type {answer.error.get('type')}")
    got = answer.error.get("decline_code")
    expect(got == "insufficient_funds", f"decline_code {got}")
    intent = answer.error.get("payment_intent") or {}
    expect(intent.get("status") == "requires_payment_method", f"status {intent.get('status')}")
    path = f"/v1/payment_intents/{intent.get('id')}"
    made(api.post(f"{path}/confirm", {"payment_method": "pm_card_visa"}), status="succeeded")
    good = [charge for charge in charges_of(api, intent["id"]) if charge["paid"]]
    expect(len(good) == 1, f"{len(good)} charges are paid")


@check("confirming without a payment method is refused and changes nothing")
def confirm_without_method(api: Api) -> None:
    intent = new(api)
    refused(api.post(f"/v1/payment_intents/{made(intent)}/confirm"), 400)
    _unchanged(api, intent)


@check("confirming what is paid is refused and changes nothing")
def confirm_twice(api: Api) -> None:
    intent = paid(api)
    path = f"/v1/payment_intents/{made(intent, status='succeeded')}/confirm"
    refused(api.post(path, {"payment_method": "pm_card_visa"}), 400, _STATE)
    _unchanged(api, intent)
    expect(len(charges_of(api, intent["id"])) == 1, "there is a second charge")


@check("a canceled intent is never paid, nor canceled again")
def cancel(api: Api) -> None:
    path = f"/v1/payment_intents/{made(new(api, payment_method='pm_card_visa'))}"
    canceled = api.post(f"{path}/cancel", {"cancellation_reason": "duplicate"})
    made(canceled, status="canceled", cancellation_reason="duplicate")
    refused(api.post(f"{path}/confirm"), 400, _STATE)
    refused(api.post(f"{path}/cancel"), 400, _STATE)
    _unchanged(api, canceled)


@check("what is paid cannot be canceled")
def cancel_paid(api: Api) -> None:
    intent = paid(api)
    refused(api.post(f"/v1/payment_intents/{made(intent)}/cancel"), 400, _STATE)
    _unchanged(api, intent)


@check("the amount of what is paid cannot be changed")
def update_paid(api: Api) -> None:
    intent = paid(api)
    refused(api.post(f"/v1/payment_intents/{made(intent)}", {"amount": "5"}), 400)
    _unchanged(api, intent)


@check("manual capture holds the money, takes a part once and lets the rest go", _HOLDS)
def manual_capture(api: Api) -> None:
    held = paid(api, capture_method="manual")
    identifier = made(held, status="requires_capture", amount_capturable=1000, amount_received=0)
    expect(not charges_of(api, identifier)[0]["captured"], "the charge is captured already")
    path = f"/v1/payment_intents/{identifier}/capture"
    taken = api.post(path, {"amount_to_capture": "700"})
    made(taken, status="succeeded", amount_received=700, amount_capturable=0)
    refused(api.post(path), 400, _STATE)
    _unchanged(api, taken)


@check("more than is held cannot be captured", _HOLDS)
def capture_too_much(api: Api) -> None:
    held = paid(api, capture_method="manual")
    path = f"/v1/payment_intents/{made(held, status='requires_capture')}/capture"
    refused(api.post(path, {"amount_to_capture": "1001"}), 400)
    _unchanged(api, held)


@check("an uncaptured payment can be canceled, and then not captured", _HOLDS)
def cancel_held(api: Api) -> None:
    path = f"/v1/payment_intents/{made(paid(api, capture_method='manual'))}"
    made(api.post(f"{path}/cancel"), status="canceled", amount_received=0)
    refused(api.post(f"{path}/capture"), 400, _STATE)


@check("a card that asks for 3D Secure takes nothing before the answer", _TESTING)
def three_d_secure(api: Api) -> None:
    answer = paid(api, "pm_card_threeDSecure2Required", return_url="https://example.com/back")
    identifier = made(answer, status="requires_action", amount_received=0)
    action = answer["next_action"]
    expect(isinstance(action, dict) and action.get("type"), f"next_action is {action!r}")
    expect(not charges_of(api, identifier), "there is a charge already")
    made(api.post(f"/v1/payment_intents/{identifier}/cancel"), status="canceled")


@check("where nobody can be asked, a card that asks is declined")
def three_d_secure_refused(api: Api) -> None:
    answer = paid(api, "pm_card_authenticationRequired", error_on_requires_action="true")
    refused(answer, 402, "authentication_required")


@check(
    "a bank debit is processing, and not yet paid",
    "https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment",
)
def delayed(api: Api) -> None:
    form = {
        "amount": "1000",
        "currency": "usd",
        "payment_method_types[]": "us_bank_account",
        "payment_method": "pm_usBankAccount_success",
        "mandate_data[customer_acceptance][type]": "offline",
        "confirm": "true",
    }
    answer = api.post("/v1/payment_intents", form)
    identifier = made(answer, status="processing", amount_received=0)
    refused(api.post(f"/v1/payment_intents/{identifier}/confirm"), 400, _STATE)
