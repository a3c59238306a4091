"""Many at once: what a service may rely on when it does not lock enough itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import httpx

from paidonce.harness.conformance.checks import NEW, Group, charges_of, expect, made, new, paid
from paidonce.harness.conformance.client import Api, StripeAnswer, fresh

check = Group("many at once", "https://docs.stripe.com/api/idempotent_requests")

_INTENTS = "/v1/payment_intents"
_LOCKS = "https://docs.stripe.com/rate-limits#object-lock-timeouts"
_MANY = 12


def _burst(api: Api, send: Callable[[httpx.Client, int], StripeAnswer]) -> list[StripeAnswer]:
    """All answers; fewer at once at Stripe, which takes 25 a second in test mode."""
    return api.together(5 if api.is_stripe else _MANY, send)


def _told(answers: Iterable[StripeAnswer]) -> str:
    counted = Counter(str(answer) for answer in answers)
    return ", ".join(f"{count} × {answer}" for answer, count in sorted(counted.items()))


def _no_surprise(answers: list[StripeAnswer], *allowed: int) -> None:
    odd = [answer for answer in answers if answer.status not in (200, 429, *allowed)]
    expect(not odd, f"answers: {_told(answers)}")


@check("one key at once makes one payment intent")
def same_key_at_once(api: Api) -> None:
    key, order = fresh("race"), fresh("order")
    form = {**NEW, "confirm": "true", "payment_method": "pm_card_visa", "metadata[order]": order}
    answers = _burst(api, lambda client, _: api.post(_INTENTS, form, key=key, client=client))
    _no_surprise(answers, 409)
    ids = {answer["id"] for answer in answers if answer.status == 200}
    expect(len(ids) == 1, f"{len(ids)} payment intents; answers: {_told(answers)}")


@check("a conflict is 409 idempotency_key_in_use, and the key is good afterwards")
def conflict_is_not_kept(api: Api) -> None:
    key = fresh("conflict")
    answers = _burst(api, lambda client, _: api.post(_INTENTS, NEW, key=key, client=client))
    for answer in answers:
        if answer.status == 409:
            code = answer.error.get("code")
            expect(code == "idempotency_key_in_use", f"409 with the code {code}")
    after = api.post(_INTENTS, NEW, key=key)
    made(after)
    ids = {answer["id"] for answer in [*answers, after] if answer.status == 200}
    expect(len(ids) == 1, f"{len(ids)} payment intents; answers: {_told(answers)}")


@check("confirmations at once make one charge", _LOCKS)
def confirm_at_once(api: Api) -> None:
    intent = made(new(api, payment_method="pm_card_visa"))
    path = f"{_INTENTS}/{intent}/confirm"
    answers = _burst(api, lambda client, _: api.post(path, client=client))
    _no_surprise(answers, 400, 409)
    good = [charge for charge in charges_of(api, intent) if charge["paid"]]
    expect(len(good) == 1, f"{len(good)} charges are paid; answers: {_told(answers)}")
    won = sum(answer.status == 200 for answer in answers)
    expect(won == 1, f"{won} of them succeeded; answers: {_told(answers)}")


@check("of confirmations and cancellations at once one wins", _LOCKS)
def confirm_or_cancel(api: Api) -> None:
    intent = made(new(api, payment_method="pm_card_visa"))
    path = f"{_INTENTS}/{intent}"

    def send(client: httpx.Client, number: int) -> StripeAnswer:
        return api.post(f"{path}/{'cancel' if number % 2 else 'confirm'}", client=client)

    answers = _burst(api, send)
    _no_surprise(answers, 400, 409)
    status = api.get(path)["status"]
    paid_charges = sum(bool(charge["paid"]) for charge in charges_of(api, intent))
    expect(status in ("succeeded", "canceled"), f"it ended as {status}")
    expect(paid_charges == (status == "succeeded"), f"{status}, and {paid_charges} paid charges")


@check("captures at once take the money once", _LOCKS)
def capture_at_once(api: Api) -> None:
    intent = made(paid(api, capture_method="manual"), status="requires_capture")
    path = f"{_INTENTS}/{intent}/capture"
    answers = _burst(
        api, lambda client, _: api.post(path, {"amount_to_capture": "400"}, client=client)
    )
    _no_surprise(answers, 400, 409)
    taken = sum(charge["amount_captured"] for charge in charges_of(api, intent))
    expect(taken == 400, f"{taken} captured; answers: {_told(answers)}")


@check("refunds at once never exceed what was paid", _LOCKS)
def refund_at_once(api: Api) -> None:
    intent = made(paid(api), status="succeeded")
    form = {"payment_intent": intent, "amount": "300"}
    answers = _burst(api, lambda client, _: api.post("/v1/refunds", form, client=client))
    _no_surprise(answers, 400, 409)
    given = sum(300 for answer in answers if answer.status == 200)
    expect(given <= 1000, f"{given} of 1000 given back; answers: {_told(answers)}")
    shown = charges_of(api, intent)[0]["amount_refunded"]
    expect(shown == given, f"{given} given back, the charge says {shown}")
