"""Checkout Sessions: paid once or not at all, whoever comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import stripe
from payment_world import CAUSE, event_types
from simulator_process import Simulator
from webhook_receiver import receiving

from paidonce.harness.simulator.domain import agenda, catalog, checkout, checkout_making, intents
from paidonce.harness.simulator.domain.catalog import CreatePrice, CreateProduct
from paidonce.harness.simulator.domain.checkout_making import CreateSession, Wanted
from paidonce.harness.simulator.domain.errors import Declined, StripeError
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.sale_objects import CheckoutSession
from paidonce.harness.simulator.domain.state import World

VISA = PaymentSource(payment_method="pm_card_visa")
DECLINED = PaymentSource(payment_method="pm_card_chargeDeclined")
ASKED = PaymentSource(payment_method="pm_card_threeDSecure2Required")
BANK = PaymentSource(payment_method="pm_usBankAccount_success")
SOCKS = CreatePrice(currency="usd", unit_amount=600, product_data=CreateProduct(name="Socks"))


def opened(world: World, **more: Any) -> CheckoutSession:
    request = CreateSession(
        lines=(Wanted(quantity=2, price_data=SOCKS),),
        intent_metadata={"order_id": "o1"},
        extras={"success_url": "http://shop.test/done?s={CHECKOUT_SESSION_ID}"},
        **more,
    )
    return checkout_making.create(world, request, CAUSE)


def test_a_session_that_is_paid_is_complete_with_the_intent_it_made(world: World) -> None:
    session = opened(world)
    assert (session.status, session.payment_status, session.payment_intent) == (
        "open",
        "unpaid",
        None,
    )
    assert session.amount_total == 1200
    paid = checkout.pay(world, session.id, VISA, "a@shop.test")
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = world.intents[str(paid.payment_intent)]
    assert (intent.amount_received, intent.metadata) == (1200, {"order_id": "o1"})
    assert event_types(world)[-2:] == ["payment_intent.succeeded", "checkout.session.completed"]
    with pytest.raises(StripeError, match="complete"):
        checkout.pay(world, session.id, VISA)
    with pytest.raises(StripeError, match=r'status in \["open"\]'):
        checkout.expire(world, session.id, CAUSE)
    assert sum(charge.paid for charge in world.charges) == 1


def test_a_payer_who_is_declined_may_try_again_on_the_same_intent(world: World) -> None:
    session = opened(world)
    with pytest.raises(Declined):
        checkout.pay(world, session.id, DECLINED)
    after = world.sessions[session.id]
    assert (after.status, after.payment_intent is not None) == ("open", True)
    paid = checkout.pay(world, session.id, VISA)
    assert paid.payment_intent == after.payment_intent
    assert len(world.intents) == 1


def test_a_session_waits_for_a_payer_to_be_authenticated(world: World) -> None:
    session = checkout.pay(world, opened(world).id, ASKED)
    assert (session.status, session.payment_status) == ("open", "unpaid")
    checkout.authenticate(world, str(session.payment_intent), True)
    assert world.sessions[session.id].payment_status == "paid"

    refused = checkout.pay(world, opened(world).id, ASKED)
    checkout.authenticate(world, str(refused.payment_intent), False)
    assert world.sessions[refused.id].status == "open"


def test_money_on_its_way_completes_a_session_and_settles_later(world: World) -> None:
    now = 1_800_000_000.5
    world.clock = lambda: now
    session = checkout.pay(world, opened(world).id, BANK)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    now += 3
    agenda.run_due(world)
    assert world.sessions[session.id].payment_status == "paid"
    assert event_types(world)[-1] == "checkout.session.async_payment_succeeded"


def test_a_session_is_over_when_its_time_is(world: World) -> None:
    now = 1_800_000_000.5
    world.clock = lambda: now
    session = opened(world, expires_at=int(now) + 1800)
    with pytest.raises(Declined):
        checkout.pay(world, session.id, DECLINED)
    now += 1801
    agenda.run_due(world)
    over = world.sessions[session.id]
    assert over.status == "expired"
    assert world.intents[str(over.payment_intent)].status == "canceled"
    assert event_types(world)[-1] == "checkout.session.expired"
    with pytest.raises(StripeError, match="expired"):
        checkout.pay(world, session.id, VISA)
    for seconds in (1799, 86_401):
        with pytest.raises(StripeError, match="expires_at"):
            opened(world, expires_at=int(now) + seconds)


def test_the_intent_of_an_open_session_is_given_up_by_its_session_alone(world: World) -> None:
    session = checkout.pay(world, opened(world).id, ASKED)
    with pytest.raises(StripeError, match="Expire the Checkout Session"):
        intents.cancel(world, str(session.payment_intent), None, CAUSE)
    checkout.expire(world, session.id, CAUSE)
    with pytest.raises(StripeError, match="canceled"):
        checkout.authenticate(world, str(session.payment_intent), True)


def test_what_is_authorized_only_is_paid_once_it_is_captured(world: World) -> None:
    session = checkout.pay(world, opened(world, capture_method="manual").id, VISA)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    checkout.follow(world, intents.capture(world, str(session.payment_intent), None, CAUSE))
    assert world.sessions[session.id].payment_status == "paid"


def test_prices_of_two_currencies_and_prices_that_are_not_there_are_refused(world: World) -> None:
    euro = catalog.create_price(world, catalog.replace(SOCKS, currency="eur"), CAUSE)
    lines = (Wanted(quantity=1, price=euro.id), Wanted(quantity=1, price_data=SOCKS))
    with pytest.raises(StripeError, match="same currency"):
        checkout_making.create(world, CreateSession(lines=lines), CAUSE)
    lines = (Wanted(quantity=1, price="price_none"),)
    with pytest.raises(StripeError, match="No such price"):
        checkout_making.create(world, CreateSession(lines=lines), CAUSE)
    assert not len(world.sessions)


# --- over HTTP, by Stripe's own library ---------------------------------------------------------


def session_of(client: stripe.StripeClient, **more: Any) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "http://127.0.0.1:9/done?s={CHECKOUT_SESSION_ID}",
            "client_reference_id": "order-7",
            "payment_intent_data": {"metadata": {"order_id": "7"}},
            "line_items": [
                {
                    "quantity": 3,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 500,
                        "product_data": {"name": "Tea"},
                    },
                }
            ],
            **more,
        }
    )


def submit(session: stripe.checkout.Session, **form: str) -> httpx.Response:
    assert session.url is not None
    return httpx.post(session.url, data=form, follow_redirects=False, timeout=30)


def test_a_shop_sells_by_a_page_and_hears_of_it(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    with receiving() as receiver:
        endpoint = client.v1.webhook_endpoints.create(
            {"url": receiver.url, "enabled_events": ["checkout.session.completed"]}
        )
        session = session_of(client)
        assert session.url is not None
        assert "Pay $15.00" in httpx.get(session.url).text
        sent_on = submit(session)
        assert sent_on.status_code == 303
        assert sent_on.headers["location"] == f"http://127.0.0.1:9/done?s={session.id}"
        assert endpoint.secret is not None
        event = receiver.next(endpoint.secret)
        told = event.data.object
        assert (told["id"], told["client_reference_id"]) == (session.id, "order-7")
        assert told["payment_status"] == "paid"
    found = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent", "line_items.data.price.product"]}
    )
    assert not isinstance(found.payment_intent, str)
    assert found.payment_intent is not None
    assert found.payment_intent.metadata.to_dict() == {"order_id": "7"}
    assert found.line_items is not None
    product = found.line_items.data[0].price.product  # type: ignore[union-attr]
    assert product.name == "Tea"  # type: ignore[union-attr]
    listed = client.v1.checkout.sessions.list({"payment_intent": found.payment_intent.id})
    assert [one.id for one in listed.data] == [session.id]
    lines = client.v1.checkout.sessions.line_items.list(session.id)
    assert [(one.quantity, one.amount_total) for one in lines.data] == [(3, 1500)]


def test_a_declined_payer_stays_on_the_page_and_one_who_is_asked_comes_back(
    client: stripe.StripeClient,
) -> None:
    session = session_of(client)
    declined = submit(session, payment_method="pm_card_chargeDeclined")
    assert (declined.status_code, "declined" in declined.text) == (402, True)
    asked = submit(session, payment_method="pm_card_threeDSecure2Required")
    page = asked.headers["location"]
    failed = httpx.post(page, data={"outcome": "fail"}, follow_redirects=False)
    assert failed.headers["location"] == session.url
    asked = submit(session, payment_method="pm_card_threeDSecure2Required")
    page = asked.headers["location"]
    done = httpx.post(page, data={"outcome": "complete"}, follow_redirects=False)
    assert urlsplit(done.headers["location"]).path == "/done"
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_what_a_session_would_need_and_is_not_there_is_refused_by_name(
    client: stripe.StripeClient,
) -> None:
    for more, name in (
        ({"optional_items": [{"price": "p", "quantity": 1}]}, "optional_items"),
        ({"automatic_tax": {"enabled": True}}, "automatic_tax"),
        ({"shipping_options": [{"shipping_rate": "shr_1"}]}, "shipping_options"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="not simulated") as refused:
            session_of(client, **more)
        assert refused.value.param == name
    with pytest.raises(stripe.InvalidRequestError, match="success_url"):
        client.v1.checkout.sessions.create({"mode": "payment", "line_items": []})


def test_expiry_against_payment_is_decided_once(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    came = set()
    with ThreadPoolExecutor(2) as pool:
        for number in range(20):
            session, together = session_of(client), Barrier(2)

            def expire(of: str = session.id, together: Barrier = together) -> bool:
                together.wait()
                try:
                    client.v1.checkout.sessions.expire(of)
                except stripe.InvalidRequestError:
                    return False
                return True

            def pay(of: stripe.checkout.Session = session, together: Barrier = together) -> bool:
                together.wait()
                return submit(of).status_code == 303

            both = pool.submit(expire), pool.submit(pay)
            expired, paid = (one.result() for one in both)
            assert expired is not paid, f"session {number}"
            status = client.v1.checkout.sessions.retrieve(session.id).status
            assert status == ("expired" if expired else "complete")
            came.add(status)
    ledger = simulator.control("GET", "ledger")
    succeeded = [one for one in ledger["charges"] if one["status"] == "succeeded"]
    complete = client.v1.checkout.sessions.list({"status": "complete", "limit": 100})
    assert len(succeeded) == len(complete.data)


def test_sessions_and_prices_are_saved_with_the_rest(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    session = session_of(client)
    state = simulator.control("GET", "state")
    simulator.control("POST", "reset")
    with pytest.raises(stripe.InvalidRequestError, match="No such"):
        client.v1.checkout.sessions.retrieve(session.id)
    simulator.control("POST", "state", state)
    assert submit(session).status_code == 303
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_products_and_prices_are_kept_changed_and_listed(client: stripe.StripeClient) -> None:
    product = client.v1.products.create(
        {"name": "Tea", "default_price_data": {"currency": "eur", "unit_amount": 350}}
    )
    assert product.default_price is not None
    with pytest.raises(stripe.InvalidRequestError, match="cannot be deleted"):
        client.v1.products.delete(product.id)
    dear = client.v1.prices.create(
        {"product": product.id, "currency": "eur", "unit_amount": 450, "lookup_key": "dear"}
    )
    listed = client.v1.prices.list({"product": product.id, "lookup_keys": ["dear"]})
    assert [one.id for one in listed.data] == [dear.id]
    with pytest.raises(stripe.InvalidRequestError, match="lookup key"):
        client.v1.prices.create(
            {"product": product.id, "currency": "eur", "unit_amount": 1, "lookup_key": "dear"}
        )
    client.v1.prices.update(dear.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        session_of(client, line_items=[{"price": dear.id, "quantity": 1}])
    with pytest.raises(stripe.InvalidRequestError, match="not simulated"):
        client.v1.prices.create(
            {
                "product": product.id,
                "currency": "eur",
                "unit_amount": 1,
                "recurring": {"interval": "month", "usage_type": "metered"},
            }
        )
    alone = client.v1.products.create({"name": "Cup"})
    client.v1.products.delete(alone.id)
    assert [one.id for one in client.v1.products.list().data] == [product.id]


def _monthly(simulator: Simulator, **more: str) -> dict[str, Any]:
    form = {
        "mode": "subscription",
        "success_url": "http://shop.test/done?s={CHECKOUT_SESSION_ID}",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "1000",
        "line_items[0][price_data][recurring][interval]": "month",
        "line_items[0][price_data][product_data][name]": "Tea",
        "line_items[0][quantity]": "2",
        **more,
    }
    answer = simulator.post("/v1/checkout/sessions", form)
    assert answer.status_code == 200, answer.text
    session: dict[str, Any] = answer.json()
    return session


def test_a_subscription_is_begun_by_paying_for_it(simulator: Simulator) -> None:
    session = _monthly(simulator)
    assert session["amount_total"] == 2000
    assert simulator.http.post(session["url"], data={"email": "a@shop.test"}).status_code == 303
    done = simulator.get(
        f"/v1/checkout/sessions/{session['id']}",
        **{"expand[0]": "subscription.latest_invoice", "expand[1]": "customer"},
    ).json()
    assert (done["status"], done["payment_status"]) == ("complete", "paid")
    assert done["payment_intent"] is None
    assert done["customer"]["email"] == "a@shop.test"
    assert done["subscription"]["status"] == "active"
    assert done["subscription"]["default_payment_method"]
    assert done["subscription"]["latest_invoice"]["amount_paid"] == 2000
    assert len(simulator.ledger()["charges"]) == 1
    again = simulator.http.post(session["url"])
    assert again.status_code == 400
    assert len(simulator.ledger()["charges"]) == 1


def test_a_trial_that_is_begun_keeps_the_card(simulator: Simulator) -> None:
    session = _monthly(simulator, **{"subscription_data[trial_period_days]": "7"})
    assert session["amount_total"] == 0
    assert simulator.http.post(session["url"]).status_code == 303
    shown = {"expand[]": "subscription"}
    done = simulator.get(f"/v1/checkout/sessions/{session['id']}", **shown).json()
    assert done["subscription"]["status"] == "trialing"
    assert done["subscription"]["default_payment_method"]
    assert simulator.ledger()["charges"] == []


def test_one_of_two_payers_has_the_last_redemption(simulator: Simulator) -> None:
    simulator.post("/v1/coupons", {"id": "ONE", "percent_off": "50", "max_redemptions": "1"})
    code = {"promotion[type]": "coupon", "promotion[coupon]": "ONE", "code": "HALF"}
    assert simulator.post("/v1/promotion_codes", code).status_code == 200
    first = _monthly(simulator, **{"discounts[0][coupon]": "ONE"})
    second = _monthly(simulator, allow_promotion_codes="true")
    assert first["amount_total"] == 1000
    asks = {"payment_method": "pm_card_threeDSecure2Required"}
    assert simulator.http.post(first["url"], data=asks).status_code == 303
    refused = simulator.http.post(second["url"], data={"promotion_code": "half"})
    assert refused.status_code == 400
    assert simulator.get("/v1/coupons/ONE").json()["times_redeemed"] == 1
    # Whoever does not go through with it leaves the redemption to the next.
    assert simulator.post(f"/v1/checkout/sessions/{first['id']}/expire").status_code == 200
    assert simulator.get("/v1/coupons/ONE").json()["valid"]
    assert simulator.http.post(second["url"], data={"promotion_code": "half"}).status_code == 303
    assert [charge["amount"] for charge in simulator.ledger()["charges"]] == [1000]


def test_a_price_that_comes_again_is_not_sold_once(simulator: Simulator) -> None:
    answer = simulator.post(
        "/v1/checkout/sessions",
        {
            "mode": "payment",
            "success_url": "http://shop.test/done",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "1000",
            "line_items[0][price_data][recurring][interval]": "month",
            "line_items[0][price_data][product_data][name]": "Tea",
            "line_items[0][quantity]": "1",
        },
    )
    assert answer.status_code == 400
    assert "recurring" in answer.json()["error"]["message"]


def test_a_trial_needs_no_card_where_one_is_collected_if_required(simulator: Simulator) -> None:
    free = {"subscription_data[trial_period_days]": "7", "payment_method_collection": "if_required"}
    session = _monthly(simulator, **free)
    assert "<select" not in simulator.http.get(session["url"]).text
    assert simulator.http.post(session["url"]).status_code == 303
    shown = {"expand[]": "subscription"}
    done = simulator.get(f"/v1/checkout/sessions/{session['id']}", **shown).json()
    assert (done["status"], done["payment_status"]) == ("complete", "no_payment_required")
    assert done["subscription"]["status"] == "trialing"
    assert done["subscription"]["default_payment_method"] is None
    # Whoever gives one all the same has it kept, and where something is due one is needed.
    session = _monthly(simulator, **free)
    given = {"payment_method": "pm_card_visa"}
    assert simulator.http.post(session["url"], data=given).status_code == 303
    kept = simulator.get(f"/v1/checkout/sessions/{session['id']}", **shown).json()
    assert kept["subscription"]["default_payment_method"]
    due = _monthly(simulator, payment_method_collection="if_required")
    assert "<select" in simulator.http.get(due["url"]).text
    assert simulator.http.post(due["url"]).status_code == 303
    assert len(simulator.ledger()["charges"]) == 1


@pytest.mark.parametrize(
    ("sale", "param"),
    [
        ({"mode": "payment", "payment_method_collection": "always"}, "payment_method_collection"),
        (
            {"mode": "payment", "payment_method_options[card][setup_future_usage]": "off_session"},
            "payment_method_options[card][setup_future_usage]",
        ),
        (
            {"mode": "payment", "payment_method_options[card][capture_method]": "manual"},
            "payment_method_options[card][capture_method]",
        ),
    ],
)
def test_what_would_change_a_payment_is_not_ignored(
    simulator: Simulator, sale: dict[str, str], param: str
) -> None:
    line = {
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "1000",
        "line_items[0][price_data][product_data][name]": "Tea",
        "line_items[0][quantity]": "1",
    }
    answer = simulator.post(
        "/v1/checkout/sessions", {"success_url": "http://shop.test/done", **line, **sale}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_page_asks_a_card_where_that_is_wanted(simulator: Simulator) -> None:
    option = {"payment_method_options[card][request_three_d_secure]": "any"}
    line = {
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "1000",
        "line_items[0][price_data][product_data][name]": "Tea",
        "line_items[0][quantity]": "1",
    }
    sale = {"mode": "payment", "success_url": "http://shop.test/done", **line}
    card = {"payment_method": "pm_card_threeDSecureOptional"}
    for more, status in (({}, "complete"), (option, "open")):
        session = simulator.post("/v1/checkout/sessions", {**sale, **more}).json()
        assert simulator.http.post(session["url"], data=card).status_code == 303
        path = f"/v1/checkout/sessions/{session['id']}"
        assert simulator.get(path).json()["status"] == status
    saved = {"mode": "setup", "currency": "usd", "success_url": "http://shop.test/done"}
    assert simulator.post("/v1/checkout/sessions", {**saved, **option}).status_code == 400


@pytest.mark.parametrize("ui_mode", ["embedded_page", "embedded"])
def test_a_page_may_be_embedded_by_its_old_name_and_its_new(
    simulator: Simulator, ui_mode: str
) -> None:
    sale = {"ui_mode": ui_mode, "return_url": "http://shop.test/{CHECKOUT_SESSION_ID}"}
    session = simulator.post(
        "/v1/checkout/sessions", {"mode": "setup", "currency": "usd", **sale}
    ).json()
    assert (session["ui_mode"], session["url"]) == (ui_mode, None)
    assert session["client_secret"]
