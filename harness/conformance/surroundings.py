"""Customers, their payment methods, and the events that tell what happened."""

from __future__ import annotations

from paidonce.harness.conformance.checks import Group, expect, made, new, paid, refused
from paidonce.harness.conformance.client import Api, fresh

check = Group("customers and events", "https://docs.stripe.com/api/customers")

_METHODS = "https://docs.stripe.com/api/payment_methods/attach"


@check("a customer is kept, changed and deleted")
def customer(api: Api) -> None:
    name = fresh("customer")
    identifier = made(api.post("/v1/customers", {"name": name}), name=name)
    path = f"/v1/customers/{identifier}"
    made(api.post(path, {"email": "a@example.com"}), name=name, email="a@example.com")
    made(api.get(path), name=name, email="a@example.com")
    made(api.send("DELETE", path), deleted=True)
    made(api.get(path), deleted=True)
    refused(new(api, customer=identifier), 400, "resource_missing", "customer")


@check("a payment method of a customer pays again and again, for that customer", _METHODS)
def kept_method(api: Api) -> None:
    customer = made(api.post("/v1/customers", {"name": fresh("keeps")}))
    method = made(api.post("/v1/payment_methods/pm_card_visa/attach", {"customer": customer}))
    listed = api.get("/v1/payment_methods", {"customer": customer, "type": "card"})
    expect(listed.status == 200, f"listing payment methods: {listed}")
    expect([one["id"] for one in listed["data"]] == [method], "the list has others")
    for _ in "12":
        made(paid(api, method, customer=customer), status="succeeded")
    refused(paid(api, method), 400)


@check("an unknown customer is refused")
def unknown_customer(api: Api) -> None:
    refused(new(api, customer="cus_paidonce_nobody"), 400, "resource_missing", "customer")


@check("events tell what happened and which request did it", "https://docs.stripe.com/api/events")
def events(api: Api) -> None:
    key = fresh("events")
    form = {"amount": "1000", "currency": "usd", "payment_method_types[]": "card"}
    form |= {"confirm": "true", "payment_method": "pm_card_visa"}
    answer = api.post("/v1/payment_intents", form, key=key)
    identifier = made(answer, status="succeeded")
    listed = api.get("/v1/events", {"type": "payment_intent.succeeded", "limit": "20"})
    expect(listed.status == 200, f"listing events: {listed}")
    mine = [one for one in listed["data"] if one["data"]["object"]["id"] == identifier]
    expect(len(mine) == 1, f"{len(mine)} events of type payment_intent.succeeded")
    expect(mine[0]["data"]["object"]["status"] == "succeeded", "it shows another status")
    request = mine[0].get("request") or {}
    expect(request.get("idempotency_key") == key, f"its request is {request}")
