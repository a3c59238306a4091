"""The simulator as Stripe's own library for Python sees it."""

from __future__ import annotations

import pytest
import stripe
from simulator_process import Simulator


def pay(client: stripe.StripeClient, **more: object) -> stripe.PaymentIntent:
    params = {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    return client.v1.payment_intents.create({**params, **more})  # type: ignore[typeddict-item]


def test_create_and_confirm_in_one_call(client: stripe.StripeClient) -> None:
    intent = pay(
        client,
        metadata={"order_id": "o-1"},
        description="Socks",
        automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
        expand=["latest_charge.balance_transaction", "payment_method"],
    )
    assert intent.status == "succeeded"
    assert intent.livemode is False
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.metadata["order_id"] == "o-1"
    assert intent.automatic_payment_methods is not None
    assert intent.automatic_payment_methods.allow_redirects == "never"
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert charge.to_dict()["metadata"] == {"order_id": "o-1"}
    assert charge.description == "Socks"
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.net == 941
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert intent.payment_method.card is not None
    assert intent.payment_method.card.last4 == "4242"
    plain = client.v1.payment_intents.retrieve(intent.id)
    assert plain.latest_charge == charge.id


def test_create_attach_confirm_in_steps(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "EUR"})
    assert (intent.status, intent.currency) == ("requires_payment_method", "eur")
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_mastercard"}})
    intent = client.v1.payment_intents.update(
        intent.id, {"payment_method": method.id, "amount": 900}
    )
    assert (intent.status, intent.amount) == ("requires_confirmation", 900)
    intent = client.v1.payment_intents.confirm(intent.id, {"off_session": True})
    assert (intent.status, intent.amount_received) == ("succeeded", 900)
    assert intent.payment_method == method.id


def test_a_token_pays_through_payment_method_data(client: stripe.StripeClient) -> None:
    data = {"type": "card", "card": {"token": "tok_visa"}}
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method_data": data}  # type: ignore[typeddict-item]
    )
    assert intent.status == "succeeded"


def test_a_decline_is_a_card_error_with_everything_in_it(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as decline:
        pay(client, payment_method="pm_card_chargeDeclinedInsufficientFunds")
    error = decline.value.error
    assert error is not None
    assert decline.value.http_status == 402
    assert (decline.value.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    assert error.charge is not None
    charge = client.v1.charges.retrieve(error.charge)
    assert (charge.status, charge.payment_intent) == ("failed", error.payment_intent.id)
    again = client.v1.payment_intents.confirm(
        error.payment_intent.id, {"payment_method": "pm_card_visa"}
    )
    assert again.status == "succeeded"
    charges = client.v1.charges.list({"payment_intent": again.id})
    assert [one.status for one in charges.data] == ["succeeded", "failed"]


def test_confirming_and_cancelling_what_is_paid_is_refused(client: stripe.StripeClient) -> None:
    intent = pay(client)
    for attempt in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            attempt(intent.id)
        assert refusal.value.http_status == 400
        assert refusal.value.code == "payment_intent_unexpected_state"
        assert refusal.value.error is not None
        assert refusal.value.error.payment_intent is not None
        assert refusal.value.error.payment_intent.status == "succeeded"
    assert client.v1.payment_intents.retrieve(intent.id).to_dict() == intent.to_dict()


def test_cancel(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        client.v1.payment_intents.cancel(intent.id)


def test_refunds_in_parts(client: stripe.StripeClient) -> None:
    intent = pay(client)
    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 300, "metadata": {"why": "late"}}
    )
    assert (refund.status, refund.amount) == ("succeeded", 300)
    assert refund.to_dict()["metadata"] == {"why": "late"}
    with pytest.raises(stripe.InvalidRequestError, match="greater than") as refusal:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 701})
    assert refusal.value.param == "amount"
    client.v1.refunds.create({"charge": str(intent.latest_charge)})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert refusal.value.code == "charge_already_refunded"
    listed = client.v1.refunds.list({"payment_intent": intent.id, "expand": ["data.charge"]})
    assert [one.amount for one in listed.data] == [700, 300]
    charge = listed.data[0].charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.refunded, charge.amount_refunded) == (True, 1000)
    assert client.v1.refunds.retrieve(refund.id).charge == charge.id
    updated = client.v1.refunds.update(refund.id, {"metadata": {"why": "", "who": "me"}})
    assert updated.to_dict()["metadata"] == {"who": "me"}


def test_lists_page_both_ways_through_the_library(client: stripe.StripeClient) -> None:
    made = [pay(client).id for _ in range(7)]
    newest_first = made[::-1]
    listed = client.v1.payment_intents.list({"limit": 3})
    assert [one.id for one in listed.data] == newest_first[:3]
    assert listed.has_more is True
    assert [one.id for one in listed.auto_paging_iter()] == newest_first
    back = client.v1.payment_intents.list({"limit": 2, "ending_before": made[2]})
    assert [one.id for one in back.data] == [made[4], made[3]]
    assert [one.id for one in back.auto_paging_iter()] == made[3:]
    assert client.v1.payment_intents.list({"created": {"gt": 1}}).data[0].id == made[-1]
    assert client.v1.payment_intents.list({"created": {"lt": 1}}).data == []
    for params, param in (
        ({"limit": 101}, "limit"),
        ({"starting_after": "pi_nobody"}, "starting_after"),
        ({"starting_after": made[0], "ending_before": made[1]}, "ending_before"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            client.v1.payment_intents.list(params)  # type: ignore[arg-type]
        assert refusal.value.param == param


def test_search_finds_by_metadata_and_pages(client: stripe.StripeClient) -> None:
    made = [pay(client, metadata={"order_id": f"o-{number % 2}"}).id for number in range(5)]
    found = client.v1.payment_intents.search({"query": "metadata['order_id']:'o-0'", "limit": 2})
    assert [one.id for one in found.data] == [made[4], made[2]]
    assert found.has_more is True
    assert [one.id for one in found.auto_paging_iter()] == [made[4], made[2], made[0]]
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.search({"query": "nonsense"})
    assert refusal.value.param == "query"


def test_a_search_that_is_held_sees_nothing_later(
    client: stripe.StripeClient, simulator: Simulator
) -> None:
    def found() -> list[str]:
        query = {"query": "metadata['order_id']:'o-1'"}
        return [one.id for one in client.v1.payment_intents.search(query).data]  # type: ignore[arg-type]

    first = pay(client, metadata={"order_id": "o-1"}).id
    simulator.control("POST", "search", {"held": True})
    second = pay(client, metadata={"order_id": "o-1"}).id
    assert found() == [first]
    assert second in [one.id for one in client.v1.payment_intents.list().data], "a list sees it"
    client.v1.payment_intents.update(first, {"metadata": {"order_id": "o-2"}})
    assert found() == [first], "as it was indexed"
    simulator.control("POST", "search", {"held": True})
    assert found() == [second]
    third = pay(client, metadata={"order_id": "o-1"}).id
    simulator.control("POST", "search", {"held": False})
    assert found() == [third, second]
    simulator.control("POST", "search", {"held": True})
    simulator.control("POST", "reset")
    pay(client, metadata={"order_id": "o-1"})
    assert len(found()) == 1, "a reset has it see everything again"


def test_events_tell_what_happened_and_who_caused_it(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"},
        {"idempotency_key": "key-1"},
    )
    client.v1.refunds.create({"payment_intent": intent.id})
    events = client.v1.events.list().data
    assert [event.type for event in events] == [
        "charge.refunded",
        "refund.created",
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]
    assert events[2].data.object["id"] == intent.id
    assert events[2].request is not None
    assert events[2].request.idempotency_key == "key-1"
    assert events[2].request.id == intent.last_response.request_id  # type: ignore[union-attr]
    only = client.v1.events.list({"types": ["charge.*", "refund.created"]}).data
    assert {event.type for event in only} == {
        "charge.refunded",
        "refund.created",
        "charge.succeeded",
    }
    assert client.v1.events.retrieve(events[0].id).type == "charge.refunded"


def test_balance_transactions_list_what_came_and_went(client: stripe.StripeClient) -> None:
    intent = pay(client)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 250})
    entries = client.v1.balance_transactions.list().data
    assert [(entry.type, entry.amount) for entry in entries] == [("refund", -250), ("charge", 1000)]
    assert [e.source for e in client.v1.balance_transactions.list({"type": "refund"})] == [
        refund.id
    ]


def test_keys_are_replayed_and_guarded_through_the_library(client: stripe.StripeClient) -> None:
    params: stripe.params.PaymentIntentCreateParams = {"amount": 1000, "currency": "usd"}
    first = client.v1.payment_intents.create(params, {"idempotency_key": "k"})
    second = client.v1.payment_intents.create(params, {"idempotency_key": "k"})
    assert first.id == second.id
    assert second.last_response is not None
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        client.v1.payment_intents.create(params | {"amount": 2000}, {"idempotency_key": "k"})


def test_what_does_not_exist_is_a_404(client: stripe.StripeClient) -> None:
    for retrieve in (
        client.v1.payment_intents.retrieve,
        client.v1.charges.retrieve,
        client.v1.refunds.retrieve,
        client.v1.events.retrieve,
        client.v1.payment_methods.retrieve,
        client.v1.balance_transactions.retrieve,
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such") as refusal:
            retrieve("xx_nobody")
        assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


def test_a_bad_key_is_an_authentication_error(simulator: Simulator) -> None:
    for key, message in (
        ("sk_live_0123456789abcdef", "Live keys are refused"),
        ("nonsense", "Invalid API Key"),
    ):
        with pytest.raises(stripe.AuthenticationError, match=message) as refusal:
            simulator.client(key).v1.payment_intents.list()
        assert refusal.value.http_status == 401
        assert key not in str(refusal.value)
    assert simulator.http.get("/v1/payment_intents").status_code == 401


def test_what_is_not_simulated_says_so(client: stripe.StripeClient, simulator: Simulator) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not simulated") as refusal:
        client.v1.tax_rates.list()
    assert refusal.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="not simulated"):
        client.v1.topups.cancel("tu_1")
    for method, path in (
        ("PUT", "/v1/payment_intents"),
        ("GET", "/"),
        ("GET", "/v1/refunds/a/b/c"),
    ):
        assert simulator.http.request(method, path).status_code == 404


def test_every_answer_has_its_own_request_id(simulator: Simulator) -> None:
    answers = [simulator.get("/v1/charges") for _ in range(3)] + [simulator.get("/v1/nothing")]
    seen = {answer.headers["Request-Id"] for answer in answers}
    assert len(seen) == 4
    assert all(identifier.startswith("req_") for identifier in seen)
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}


def test_a_huge_body_is_refused(simulator: Simulator) -> None:
    answer = simulator.post("/v1/payment_intents", {"description": "x" * 1_100_000})
    assert answer.status_code == 413
    assert simulator.get("/v1/charges").status_code == 200
