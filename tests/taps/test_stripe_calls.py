"""Pure reading of calls to Stripe: labels, parameters, answers, attribution."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidonce.harness.taps.stripe.calls import (
    Attribution,
    label,
    object_in_path,
    read_answer,
    read_call,
)

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/payment_intents", "payment_intent.create"),
        ("GET", "/v1/payment_intents", "payment_intent.list"),
        ("GET", "/v1/payment_intents/search", "payment_intent.search"),
        ("GET", "/v1/payment_intents/pi_1", "payment_intent.retrieve"),
        ("POST", "/v1/payment_intents/pi_1", "payment_intent.update"),
        ("POST", "/v1/payment_intents/pi_1/confirm", "payment_intent.confirm"),
        ("POST", "/v1/payment_intents/pi_1/cancel", "payment_intent.cancel"),
        ("POST", "/v1/refunds", "refund.create"),
        ("DELETE", "/v1/customers/cus_1", "customer.delete"),
        ("GET", "/healthz", "GET /healthz"),
        ("POST", "/_paidonce/checkout/cs_test_9g6zRUJUKH", "POST /_paidonce/checkout/…"),
    ],
)
def test_calls_are_labelled_in_the_words_of_the_api(method, path, expected):
    assert label(method, path) == expected


def test_a_call_is_read_with_its_parameters_and_key():
    call = read_call(
        7,
        "POST",
        "/v1/payment_intents?expand[]=latest_charge",
        {**FORM, "idempotency-key": "k1"},
        b"amount=4990&currency=usd&metadata[order_id]=o%201",
    )
    assert call.seq == 7
    assert call.path == "/v1/payment_intents"
    assert call.idempotency_key == "k1"
    assert call.params["amount"] == "4990"
    assert call.params["metadata[order_id]"] == "o 1"
    assert call.params["expand[]"] == "latest_charge"


def test_secrets_and_card_data_are_not_recorded():
    body = b"card[number]=4242424242424242&card[cvc]=123&client_secret=s&amount=1&card[exp_year]=30"
    call = read_call(1, "POST", "/v1/payment_methods", FORM, body)
    assert dict(call.params) == {"amount": "1"}
    assert "4242" not in str(call.as_request())


@given(st.binary(max_size=200), st.text(max_size=60))
def test_whatever_is_sent_can_be_read(body, path):
    call = read_call(1, "POST", "/" + path.replace("[", "").replace("]", ""), FORM, body)
    assert call.label


def test_an_answer_is_summarised():
    body = msgspec.json.encode(
        {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 4990}
    )
    assert read_answer(200, body) == {
        "status": 200,
        "id": "pi_1",
        "object": "payment_intent",
        "state": "succeeded",
        "amount": 4990,
    }


def test_an_error_is_summarised_with_its_intent():
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "generic_decline",
        "payment_intent": {"id": "pi_1", "object": "payment_intent", "status": "x"},
    }
    found = read_answer(402, msgspec.json.encode({"error": error}))
    assert found["code"] == "card_declined"
    assert found["decline_code"] == "generic_decline"
    assert found["id"] == "pi_1"
    assert found["state"] == "x"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"3", b'{"error": null}'])
def test_an_answer_that_is_no_object_still_has_its_status(body):
    assert read_answer(500, body) == {"status": 500}


def test_calls_are_attributed_by_metadata_and_by_what_was_learnt():
    attribution = Attribution("order_id")
    create = read_call(1, "POST", "/v1/payment_intents", FORM, b"metadata[order_id]=o1")
    confirm = read_call(2, "POST", "/v1/payment_intents/pi_1/confirm", FORM, b"")
    refund = read_call(3, "POST", "/v1/refunds", FORM, b"payment_intent=pi_1")
    assert attribution.order_of(create) == "o1"
    assert attribution.order_of(confirm) is None
    attribution.learn("o1", {"id": "pi_1"})
    assert attribution.order_of(confirm) == "o1"
    assert attribution.order_of(refund) == "o1"


def test_a_search_names_no_object():
    assert object_in_path("/v1/payment_intents/search") is None
    assert object_in_path("/v1/payment_intents/pi_1/confirm") == "pi_1"
