"""One request at a time, every guard does the same."""

from __future__ import annotations

import uuid

from reference_run import Running


def code(answer: object) -> str:
    return str(answer.json()["error"]["code"])  # type: ignore[attr-defined]


def test_pays_once_and_refuses_the_second(every: Running) -> None:
    order = every.new_order(1234)
    paid = every.pay(order)
    assert paid.status_code == 200
    assert paid.json() == {
        "payment_id": every.intents(order)[0]["id"],
        "payment_status": "paid",
        "amount": 1234,
        "currency": "usd",
    }
    again = every.pay(order)
    assert (again.status_code, code(again)) == (409, "order_already_paid")
    assert again.json()["error"]["payment_id"] == paid.json()["payment_id"]
    assert every.charged(order) == [1234]
    assert every.order(order)["payment_status"] == "paid"


def test_a_declined_order_is_paid_with_the_same_intent(every: Running) -> None:
    order = every.new_order()
    declined = every.pay(order, "pm_card_chargeDeclined")
    assert (declined.status_code, code(declined)) == (402, "card_declined")
    after = every.order(order)
    assert after["payment_status"] == "unpaid"
    assert after["payment_id"] == declined.json()["error"]["payment_id"]
    again = every.pay(order, "pm_card_chargeDeclinedInsufficientFunds")
    assert again.status_code == 402
    paid = every.pay(order)
    assert paid.status_code == 200
    assert [one["id"] for one in every.intents(order)] == [after["payment_id"]]
    assert every.charged(order) == [1000]


def test_an_intent_is_made_once_and_then_confirmed(every: Running) -> None:
    order = every.new_order()
    made = every.intent(order)
    assert made.status_code == 201
    intent = made.json()["payment_id"]
    assert made.json()["client_secret"].startswith(intent)
    assert made.json()["order"] == every.order(order)
    second = every.intent(order)
    assert (second.status_code, code(second)) == (409, "payment_in_progress")
    assert second.json()["error"]["payment_id"] == intent
    assert every.pay(order).json()["payment_id"] == intent
    assert len(every.intents(order)) == 1


def test_cancels_the_order_and_its_intent(every: Running) -> None:
    plain, with_intent = every.new_order(), every.new_order()
    every.intent(with_intent)
    for order in (plain, with_intent):
        cancelled = every.cancel(order)
        assert cancelled.status_code == 200
        assert cancelled.json() == every.order(order)
        assert cancelled.json()["payment_status"] == "cancelled"
        for answer in (every.pay(order), every.cancel(order), every.amend(order, 60)):
            assert (answer.status_code, code(answer)) == (409, "order_cancelled")
    assert [one["status"] for one in every.intents(with_intent)] == ["canceled"]
    assert every.charged(with_intent) == []


def test_refunds_in_parts_and_never_more(every: Running) -> None:
    order = every.new_order(1000)
    early = every.refund(order, 100)
    assert (early.status_code, code(early)) == (409, "order_not_paid")
    every.pay(order)
    first = every.refund(order, 300)
    assert first.status_code == 201
    assert first.json()["amount"] == 300
    assert first.json()["order"] == every.order(order)
    assert every.order(order)["payment_status"] == "partially_refunded"
    assert every.order(order)["refunded_amount"] == 300
    more = every.refund(order, 701)
    assert (more.status_code, code(more)) == (409, "refund_exceeds_payment")
    rest = every.refund(order)
    assert rest.json()["amount"] == 700
    assert every.order(order)["payment_status"] == "refunded"
    spent = every.refund(order)
    assert (spent.status_code, code(spent)) == (409, "refund_exceeds_payment")
    assert code(every.pay(order)) == "order_already_paid"
    assert every.refunded(order) == 1000


def test_changes_the_amount_also_in_the_intent(every: Running) -> None:
    order = every.new_order(1000)
    assert every.amend(order, 1100).json()["amount"] == 1100
    every.intent(order)
    changed = every.amend(order, 1200)
    assert changed.status_code == 200
    assert changed.json() == every.order(order)
    assert every.pay(order).json()["amount"] == 1200
    late = every.amend(order, 1300)
    assert (late.status_code, code(late)) == (409, "order_already_paid")
    assert every.charged(order) == [1200]


def test_applies_a_webhook_once(every: Running) -> None:
    order, event = every.new_order(), f"evt_{uuid.uuid4().hex}"
    kind = "payment_intent.succeeded"
    first = every.webhook(order, event, kind, "pi_reported")
    assert (first.status_code, first.json()) == (200, {"applied": True})
    after = every.order(order)
    assert (after["payment_status"], after["payment_id"]) == ("paid", "pi_reported")
    second = every.webhook(order, event, kind, "pi_reported")
    assert (second.status_code, second.json()) == (200, {"applied": False})
    assert every.order(order) == after


def test_late_bad_news_does_not_unpay(every: Running) -> None:
    order = every.new_order()
    intent = every.pay(order).json()["payment_id"]
    before = every.order(order)
    for kind in ("payment_intent.payment_failed", "payment_intent.canceled"):
        answer = every.webhook(order, f"evt_{uuid.uuid4().hex}", kind, intent)
        assert (answer.status_code, answer.json()) == (200, {"applied": True})
    assert every.order(order) == before


def test_a_badly_signed_webhook_changes_nothing(every: Running) -> None:
    order, event = every.new_order(), f"evt_{uuid.uuid4().hex}"
    forged = every.webhook(order, event, "payment_intent.succeeded", "pi_x", secret="whsec_other")
    assert (forged.status_code, code(forged)) == (400, "invalid_signature")
    assert every.order(order)["payment_status"] == "unpaid"


def test_an_event_of_a_stranger_is_taken_and_ignored(every: Running) -> None:
    answer = every.webhook(
        str(uuid.uuid4()), f"evt_{uuid.uuid4().hex}", "payment_intent.succeeded", "pi_x"
    )
    assert (answer.status_code, answer.json()) == (200, {"applied": False})


def test_unknown_orders_are_404(every: Running) -> None:
    for order in (str(uuid.uuid4()), "%00", "a" * 65):
        for answer in (
            every.call("GET", f"/orders/{order}"),
            every.call("POST", f"/orders/{order}/payments"),
            every.call("POST", f"/orders/{order}/cancel"),
            every.call("PATCH", f"/orders/{order}", {"amount": 60}),
        ):
            assert answer.status_code in (404, 422), answer.text
            assert code(answer) in ("order_not_found", "invalid_request")
    assert every.pay(str(uuid.uuid4())).status_code == 404


def test_a_replayed_client_key_gets_the_same_answer(every: Running) -> None:
    order = every.new_order()
    declined = every.pay(order, "pm_card_chargeDeclined", key="try-1")
    for _ in range(2):
        replayed = every.pay(order, "pm_card_chargeDeclined", key="try-1")
        assert replayed.status_code == 402
        assert replayed.json() == declined.json()
        assert replayed.headers["Idempotent-Replayed"] == "true"
    reused = every.pay(order, "pm_card_visa", key="try-1")
    assert (reused.status_code, code(reused)) == (422, "invalid_request")
    paid = every.pay(order, key="try-2")
    assert paid.status_code == 200
    assert "Idempotent-Replayed" not in paid.headers
    assert every.pay(order, key="try-2").json() == paid.json()
    refund = every.refund(order, 100, key="try-2")
    assert refund.status_code == 201
    assert every.refund(order, 100, key="try-2").json() == refund.json()
    assert every.refunded(order) == 100
    other = every.new_order()
    assert every.cancel(other, key="try-1").json() == every.cancel(other, key="try-1").json()


def test_a_stripe_error_is_the_clients_422_and_the_order_stays_payable(every: Running) -> None:
    order = every.new_order()
    bad = every.pay(order, "pm_no_such_method")
    assert (bad.status_code, code(bad)) == (422, "invalid_request")
    assert every.order(order)["payment_status"] == "unpaid"
    assert every.pay(order).status_code == 200
    assert every.charged(order) == [1000]


def test_an_intent_paid_elsewhere_makes_the_order_paid(every: Running) -> None:
    order, other = every.new_order(), every.new_order()
    every.intent(order)
    every.pay(other)
    # The intent of `order` is one that Stripe has already taken the money for.
    taken = every.order(other)["payment_id"]
    every.sql("UPDATE orders SET payment_id = %s WHERE id = %s", taken, order)
    answer = every.pay(order)
    assert (answer.status_code, code(answer)) == (409, "order_already_paid")
    assert every.order(order)["payment_status"] == "paid"


def test_only_sound_guards_send_keys_of_their_own(every: Running) -> None:
    order = every.new_order()
    every.front.reset()
    every.pay(order, "pm_card_chargeDeclined")
    every.pay(order)
    ours = [f"{order}:create:0", f"{order}:confirm:1"]
    assert (every.front.keys() == ours) is every.sound


def test_health_names_the_guard_and_docs_are_served(every: Running) -> None:
    assert every.call("GET", "/healthz").json() == {"status": "ok", "guard": every.guard}
    assert "/orders/{order_id}/payments" in every.call("GET", "/openapi.json").json()["paths"]
