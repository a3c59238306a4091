"""Requests and answers: keys, errors, headers, parameters, lists."""

from __future__ import annotations

import time

from paidonce.harness.conformance.checks import NEW, Group, expect, made, new, paid, refused
from paidonce.harness.conformance.client import Api, fresh

check = Group("requests and answers", "https://docs.stripe.com/api/errors")

_KEYS = "https://docs.stripe.com/api/authentication"
_LISTS = "https://docs.stripe.com/api/pagination"


@check("without an API key the answer is 401", _KEYS)
def no_key(api: Api) -> None:
    refused(api.get("/v1/payment_intents", account=None), 401)


@check("with a key that is none the answer is 401", _KEYS)
def wrong_key(api: Api) -> None:
    refused(api.get("/v1/payment_intents", account="nonsense"), 401)


@check("a live key nobody has is refused with 401", _KEYS)
def unknown_live_key(api: Api) -> None:
    # Made up on the spot: no account has it.
    refused(api.get("/v1/payment_intents", account=f"sk_live_{fresh('x').replace('-', '')}"), 401)


@check("a route that does not exist is 404 in the shape of an error")
def unknown_route(api: Api) -> None:
    answer = api.get("/v1/paidonce_does_not_exist")
    refused(answer, 404)
    expect(answer.error.get("type") == "invalid_request_error", f"type {answer.error.get('type')}")


@check("every answer has a Request-Id of its own", "https://docs.stripe.com/api/request_ids")
def request_ids(api: Api) -> None:
    seen = [api.get("/v1/payment_intents", {"limit": "1"}).headers.get("Request-Id") for _ in "123"]
    expect(all(seen) and len(set(seen)) == 3, f"three answers had the ids {seen}")


@check("the version asked for is the version answered in", "https://docs.stripe.com/api/versioning")
def version(api: Api) -> None:
    asked = "2025-03-31.basil"
    answer = api.get("/v1/payment_intents", {"limit": "1"}, headers={"Stripe-Version": asked})
    expect(answer.status == 200, f"got {answer}")
    got = answer.headers.get("Stripe-Version")
    expect(got == asked, f"asked for {asked}, the header says {got}")


@check("a missing parameter is named")
def missing_parameter(api: Api) -> None:
    refused(
        api.post("/v1/payment_intents", {"currency": "usd"}), 400, "parameter_missing", "amount"
    )


@check("a number that is none is refused")
def invalid_integer(api: Api) -> None:
    refused(new(api, amount="ten"), 400, "parameter_invalid_integer", "amount")


@check("a parameter nobody knows is refused")
def unknown_parameter(api: Api) -> None:
    refused(new(api, colour="red"), 400, "parameter_unknown", "colour")


@check("an amount below the minimum is refused", "https://docs.stripe.com/currencies")
def amount_too_small(api: Api) -> None:
    refused(new(api, amount="10"), 400, "amount_too_small")


@check("an unknown id in the path is 404 resource_missing")
def unknown_object(api: Api) -> None:
    refused(api.get("/v1/payment_intents/pi_paidonce_nobody"), 404, "resource_missing")


@check("what was created is what is retrieved", "https://docs.stripe.com/api/payment_intents")
def created_is_kept(api: Api) -> None:
    created = new(api, description="Socks")
    identifier = made(created, amount=1000, currency="usd", status="requires_payment_method")
    again = api.get(f"/v1/payment_intents/{identifier}")
    made(again, id=identifier, amount=1000, description="Socks")
    expect(again["client_secret"] == created["client_secret"], "another client_secret")


@check("nested parameters are read", "https://docs.stripe.com/api/metadata")
def metadata(api: Api) -> None:
    form = {**NEW, "metadata[order]": "o 1&=é", "metadata[empty]": ""}
    identifier = made(api.post("/v1/payment_intents", form), metadata={"order": "o 1&=é"})
    path = f"/v1/payment_intents/{identifier}"
    made(api.post(path, {"metadata[more]": "2"}), metadata={"order": "o 1&=é", "more": "2"})
    made(api.post(path, {"metadata[order]": ""}), metadata={"more": "2"})


@check(
    "expand[] answers with the object for its id", "https://docs.stripe.com/api/expanding_objects"
)
def expand(api: Api) -> None:
    form = {**NEW, "confirm": "true", "payment_method": "pm_card_visa"}
    answer = api.post("/v1/payment_intents", {**form, "expand[]": "latest_charge"})
    identifier = made(answer, status="succeeded")
    charge = answer["latest_charge"]
    expect(isinstance(charge, dict), f"latest_charge is {charge!r}")
    expect(charge.get("payment_intent") == identifier, "the charge is of another intent")


@check("what cannot be expanded is refused", "https://docs.stripe.com/api/expanding_objects")
def expand_unknown(api: Api) -> None:
    refused(api.post("/v1/payment_intents", {**NEW, "expand[]": "amount"}), 400)


@check("lists are newest first and paged by cursors in both directions", _LISTS)
def pages(api: Api) -> None:
    customer = made(api.post("/v1/customers", {"description": fresh("pages")}))
    ids = [made(new(api, customer=customer)) for _ in range(3)]
    ids.reverse()

    def page(**cursor: str) -> tuple[list[str], bool]:
        answer = api.get("/v1/payment_intents", {"customer": customer, "limit": "2", **cursor})
        expect(answer.status == 200, f"got {answer}")
        return [one["id"] for one in answer["data"]], answer["has_more"]

    expect(page() == (ids[:2], True), f"first page {page()}, made {ids}")
    after = page(starting_after=ids[1])
    expect(after == (ids[2:], False), f"after the second came {after}")
    before = page(ending_before=ids[2])
    expect(before == (ids[:2], False), f"before the third came {before}")


@check("search finds by metadata", "https://docs.stripe.com/search")
def search(api: Api) -> None:
    order = fresh("search")
    identifier = made(paid(api, **{"metadata[order]": order}))
    # Stripe's index lags, "up to one minute"; nobody else's has a reason to.
    deadline = time.monotonic() + (75 if api.is_stripe else 0)
    while True:
        answer = api.get("/v1/payment_intents/search", {"query": f"metadata['order']:'{order}'"})
        expect(answer.status == 200, f"got {answer}")
        found = [one["id"] for one in answer["data"]]
        if found == [identifier]:
            return
        expect(time.monotonic() < deadline, f"found {found} instead of {identifier}")
        time.sleep(3)
