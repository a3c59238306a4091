"""The pure core: decisions, conclusions, keys and what Stripe's errors mean."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from paidonce.reference_service.calls import (
    CallKind,
    Checkout,
    Intent,
    Outcome,
    Result,
    StripeCall,
    stripe_key,
)
from paidonce.reference_service.conclude import State
from paidonce.reference_service.flow import conclude
from paidonce.reference_service.gateway import outcome_of
from paidonce.reference_service.operations import (
    ApplyEvent,
    Cancel,
    ChangeAmount,
    CreateIntent,
    OpenCheckout,
    Operation,
    Pay,
    Redeem,
    Refund,
    Renew,
    ReturnFromCheckout,
)
from paidonce.reference_service.operations.base import Event
from paidonce.reference_service.orders import Order, OrderStatus, Refused
from paidonce.reference_service.reconcile import judge

UNPAID = Order(id="o1", amount=1000, currency="usd")
PAID = replace(UNPAID, payment_status=OrderStatus.PAID, payment_id="pi_1")
PENDING = replace(
    UNPAID,
    payment_status=OrderStatus.PROCESSING,
    pending_attempt=uuid.UUID(int=1),
    payment_id="pi_1",
)
CANCELLED = replace(UNPAID, payment_status=OrderStatus.CANCELLED)
PAY, INTENT, CANCEL, AMEND = Pay("pm_card_visa"), CreateIntent(), Cancel(), ChangeAmount(700)
EVENT = ApplyEvent(Event("evt_1", "payment_intent.succeeded", "pi_1"))


def refusal(operation: Operation, order: Order) -> str:
    with pytest.raises(Refused) as caught:
        operation.decide(order)
    return str(caught.value.answer.body["error"]["code"])


OPENING = OpenCheckout()
SOLD = Checkout("cs_1", "complete", True, payment_id="pi_2")
BACK = ReturnFromCheckout(SOLD)
ON_PAGE = replace(UNPAID, checkout_id="cs_1")
COUPON = Redeem("ONCE", 500)


@pytest.mark.parametrize(
    "operation",
    [PAY, INTENT, CANCEL, AMEND, Refund(1), EVENT, OPENING, BACK, COUPON, Renew("in_1")],
)
def test_nothing_is_decided_while_an_attempt_is_pending(operation: Operation) -> None:
    assert refusal(operation, PENDING) == "payment_in_progress"


@pytest.mark.parametrize("operation", [PAY, INTENT, CANCEL, AMEND])
def test_what_needs_an_unpaid_order(operation: Operation) -> None:
    for status in (OrderStatus.PAID, OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED):
        assert refusal(operation, replace(PAID, payment_status=status)) == "order_already_paid"
    assert refusal(operation, CANCELLED) == "order_cancelled"


def test_an_intent_is_confirmed_rather_than_made_again() -> None:
    fresh, with_intent = (
        PAY.decide(UNPAID).call,
        PAY.decide(replace(UNPAID, payment_id="pi_1")).call,
    )
    assert fresh is not None
    assert with_intent is not None
    assert (fresh.kind, fresh.confirm) == (CallKind.CREATE, True)
    assert with_intent.kind is CallKind.CONFIRM
    assert with_intent.payment_id == "pi_1"
    assert refusal(INTENT, replace(UNPAID, payment_id="pi_1")) == "payment_in_progress"


@given(
    amount=st.integers(50, 10_000),
    given_back=st.lists(st.integers(1, 10_000) | st.none(), max_size=6),
)
def test_refunds_add_up_to_the_payment_at_most(amount: int, given_back: list[int | None]) -> None:
    order = replace(PAID, amount=amount)
    for wanted in given_back:
        left = amount - order.refunded_amount
        if left == 0 or (wanted is not None and wanted > left):
            assert refusal(Refund(wanted), order) == "refund_exceeds_payment"
            continue
        call = Refund(wanted).decide(order).call
        assert call is not None
        outcome = Outcome(result=Result.SUCCEEDED, refund_id="re_1")
        order = conclude(Refund, order, call, outcome).order
        assert 0 < order.refunded_amount <= amount
        full = order.refunded_amount == amount
        assert order.payment_status is (
            OrderStatus.REFUNDED if full else OrderStatus.PARTIALLY_REFUNDED
        )


def test_the_key_grows_only_with_known_ends() -> None:
    call = PAY.decide(UNPAID).call
    assert call is not None
    first = stripe_key(UNPAID, call)
    after = {
        result: conclude(
            Pay, UNPAID, call, Outcome(result=result, intent=Intent("pi_1", "succeeded", 1000))
        )
        for result in Result
    }
    for result, settlement in after.items():
        same = stripe_key(settlement.order, call) == first
        ended = result in (
            Result.SUCCEEDED,
            Result.DECLINED,
            Result.REJECTED,
            Result.NOT_EXECUTED,
            Result.WRONG_STATE,
        )
        assert same is not ended, result
        assert settlement.final is ended
    for local in (AMEND.decide(UNPAID), CANCEL.decide(UNPAID)):
        assert local.settlement is not None
        assert stripe_key(local.settlement.order, call) == first


def test_making_and_paying_share_a_key_but_not_parameters() -> None:
    make, pay = INTENT.decide(UNPAID).call, PAY.decide(UNPAID).call
    assert make is not None
    assert pay is not None
    assert stripe_key(UNPAID, make) == stripe_key(UNPAID, pay)
    assert make != pay


@given(
    st.builds(
        StripeCall,
        kind=st.sampled_from(CallKind),
        order_id=st.text(min_size=1),
        payment_id=st.none() | st.text(min_size=1),
        amount=st.none() | st.integers(1, 10**8),
        payment_method=st.none() | st.text(min_size=1),
        confirm=st.booleans(),
    )
)
def test_a_stored_call_is_the_call(call: StripeCall) -> None:
    assert StripeCall.from_json(call.to_json()) == call


def test_a_decline_keeps_the_intent() -> None:
    call = PAY.decide(UNPAID).call
    assert call is not None
    declined = Outcome(
        result=Result.DECLINED, intent=Intent("pi_9", "requires_payment_method", 1000)
    )
    settlement = conclude(Pay, UNPAID, call, declined)
    assert (settlement.state, settlement.answer.status) == (State.FAILED, 402)
    assert settlement.order.payment_id == "pi_9"
    assert settlement.order.payment_status is OrderStatus.UNPAID


def test_a_recovery_that_finds_an_intent_paid_does_not_call_it_unpaid() -> None:
    call = INTENT.decide(UNPAID).call
    assert call is not None
    found = Outcome(result=Result.SUCCEEDED, intent=Intent("pi_9", "succeeded", 900))
    settlement = conclude(CreateIntent, UNPAID, call, found)
    assert settlement.order.payment_status is OrderStatus.PAID
    assert settlement.order.amount == 900
    assert settlement.answer.body["error"]["code"] == "order_already_paid"


@pytest.mark.parametrize("operation", [PAY, INTENT, AMEND, OPENING, COUPON])
def test_what_is_sold_on_a_page_is_sold_there_alone(operation: Operation) -> None:
    assert refusal(operation, ON_PAGE) == "payment_in_progress"


def told(kind: str, about: str = "cs_1") -> ApplyEvent:
    return ApplyEvent(Event(f"evt_{kind}", kind, "pi_2", about))


@pytest.mark.parametrize(
    "operation",
    [BACK, told("payment_intent.succeeded", "pi_2"), told("checkout.session.completed")],
)
@pytest.mark.parametrize(
    "before", [ON_PAGE, replace(ON_PAGE, payment_status=OrderStatus.CANCELLED)]
)
def test_whoever_marks_it_paid_hands_it_out_and_nobody_after(
    operation: Operation, before: Order
) -> None:
    plan = operation.decide(before)
    after = plan.local.order
    assert (after.payment_status, after.payment_id) == (OrderStatus.PAID, "pi_2")
    assert plan.hands_out == "cs_1"
    for later in (
        BACK,
        told("payment_intent.succeeded", "pi_2"),
        told("checkout.session.completed"),
    ):
        again = later.decide(after)
        assert (again.hands_out, again.local.order) == (None, after)


def test_a_session_that_was_forgotten_in_a_crash_is_named_by_its_event() -> None:
    plan = told("checkout.session.completed").decide(UNPAID)
    assert (plan.hands_out, plan.local.order.checkout_id) == ("cs_1", "cs_1")


@pytest.mark.parametrize(
    "kind", ["checkout.session.expired", "checkout.session.async_payment_failed"]
)
def test_a_session_that_is_over_frees_its_own_order_alone(kind: str) -> None:
    assert not told(kind).decide(ON_PAGE).local.order.on_page
    assert told(kind, "cs_other").decide(ON_PAGE).local.order == ON_PAGE
    paid = replace(ON_PAGE, payment_status=OrderStatus.PAID)
    assert told(kind).decide(paid).local.order == paid


def test_whoever_comes_too_late_to_have_it_expire_believes_stripe() -> None:
    call = CANCEL.decide(ON_PAGE).call
    assert call is not None
    assert (call.kind, call.checkout_id) == (CallKind.EXPIRE, "cs_1")
    ended = {
        status: conclude(
            CANCEL,
            ON_PAGE,
            call,
            Outcome(result=Result.WRONG_STATE, checkout=replace(SOLD, status=status)),
        )
        for status in ("complete", "expired")
    }
    assert ended["complete"].order.payment_status is OrderStatus.UNPAID
    assert ended["complete"].answer.body["error"]["code"] == "order_already_paid"
    assert ended["expired"].order.payment_status is OrderStatus.CANCELLED


def test_a_session_and_an_intent_share_a_key() -> None:
    calls = [operation.decide(UNPAID).call for operation in (OPENING, PAY, INTENT)]
    assert len({stripe_key(UNPAID, call) for call in calls if call is not None}) == 1


def test_each_renewal_is_served_once() -> None:
    first = Renew("in_1").decide(UNPAID)
    assert first.hands_out == "in_1"
    second = Renew("in_2").decide(first.local.order)
    assert second.local.order.renewals == ("in_1", "in_2")
    for known in ("in_1", "in_2"):
        again = Renew(known).decide(second.local.order)
        assert (again.hands_out, again.local.order) == (None, second.local.order)


def test_a_coupon_makes_cheaper_down_to_what_stripe_takes() -> None:
    assert COUPON.decide(UNPAID).local.order.amount == 500
    assert COUPON.decide(replace(UNPAID, amount=300)).local.order.amount == 50
    assert refusal(COUPON, replace(UNPAID, coupon="ONCE")) == "coupon_used_up"


def test_money_that_came_for_a_cancelled_order_is_seen() -> None:
    settlement = EVENT.decide(CANCELLED).settlement
    assert settlement is not None
    assert settlement.order.payment_status is OrderStatus.PAID


def test_a_reported_failure_gives_an_unpaid_order_its_intent() -> None:
    failed = ApplyEvent(Event("evt_2", "payment_intent.payment_failed", "pi_7"))
    settlement = failed.decide(UNPAID).settlement
    assert settlement is not None
    assert settlement.order.payment_id == "pi_7"
    assert settlement.order.payment_status is OrderStatus.UNPAID
    known = failed.decide(replace(UNPAID, payment_id="pi_1")).settlement
    assert known is not None
    assert known.order.payment_id == "pi_1"


@pytest.mark.parametrize(
    ("kind", "confirm", "status", "result"),
    [
        (CallKind.CREATE, True, "succeeded", Result.SUCCEEDED),
        (CallKind.CREATE, True, "requires_payment_method", Result.DECLINED),
        (CallKind.CREATE, False, "requires_payment_method", Result.SUCCEEDED),
        (CallKind.CONFIRM, False, "succeeded", Result.SUCCEEDED),
        (CallKind.CONFIRM, False, "canceled", Result.WRONG_STATE),
        (CallKind.CONFIRM, False, "processing", Result.UNKNOWN),
        (CallKind.CANCEL, False, "canceled", Result.SUCCEEDED),
        (CallKind.CANCEL, False, "succeeded", Result.WRONG_STATE),
        (CallKind.CANCEL, False, "requires_confirmation", Result.NOT_EXECUTED),
        (CallKind.UPDATE, False, "requires_confirmation", Result.SUCCEEDED),
        (CallKind.UPDATE, False, "succeeded", Result.WRONG_STATE),
    ],
)
def test_what_an_intent_tells_of_a_call(
    kind: CallKind, confirm: bool, status: str, result: Result
) -> None:
    call = StripeCall(kind=kind, order_id="o1", payment_id="pi_1", amount=500, confirm=confirm)
    assert judge(call, Intent("pi_1", status, 500)).result is result


def stripe_error(kind: type[stripe.StripeError], status: int, **details: Any) -> stripe.StripeError:
    more = {"param": None, "code": details.get("code")}
    known = more if issubclass(kind, stripe.CardError | stripe.InvalidRequestError) else {}
    return kind(
        message="why", http_status=status, json_body={"error": details}, headers={}, **known
    )


@pytest.mark.parametrize(
    ("kind", "status", "details", "result"),
    [
        (stripe.CardError, 402, {"code": "card_declined"}, Result.DECLINED),
        (stripe.IdempotencyError, 400, {"type": "idempotency_error"}, Result.KEY_MISMATCH),
        (stripe.APIError, 409, {"code": "idempotency_key_in_use"}, Result.KEY_IN_USE),
        (stripe.RateLimitError, 429, {}, Result.NOT_DONE),
        (stripe.AuthenticationError, 401, {}, Result.NOT_DONE),
        (stripe.InvalidRequestError, 400, {"code": "amount_too_small"}, Result.REJECTED),
        (stripe.APIError, 500, {}, Result.UNKNOWN),
        (stripe.APIConnectionError, None, {}, Result.UNKNOWN),
        (
            stripe.InvalidRequestError,
            400,
            {
                "code": "payment_intent_unexpected_state",
                "payment_intent": {"id": "pi_1", "status": "succeeded", "amount": 5},
            },
            Result.WRONG_STATE,
        ),
    ],
)
def test_what_an_error_of_stripe_means(
    kind: type[stripe.StripeError], status: int, details: dict[str, Any], result: Result
) -> None:
    assert outcome_of(stripe_error(kind, status, **details)).result is result
