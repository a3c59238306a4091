"""Pages that Stripe would host: an account link is good once, and a portal is its customer's."""

from __future__ import annotations

import httpx
import pytest
from simulator_process import Simulator

from paidonce.harness.simulator.domain import links


def _made(simulator: Simulator, path: str, **form: str) -> dict[str, str]:
    answer = simulator.post(f"/v1/{path}", form)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def _led_to(simulator: Simulator, url: str) -> str:
    answer = simulator.http.get(url)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def _link(simulator: Simulator) -> str:
    account = _made(simulator, "accounts", type="express")["id"]
    urls = {"return_url": "http://shop.test/back", "refresh_url": "http://shop.test/again"}
    return _made(simulator, "account_links", account=account, type="account_onboarding", **urls)[
        "url"
    ]


def test_an_account_link_is_good_once(simulator: Simulator) -> None:
    url = _link(simulator)
    assert simulator.http.post(url).status_code == 405
    assert _led_to(simulator, url) == "http://shop.test/back"
    assert _led_to(simulator, url) == "http://shop.test/again"


def test_an_account_link_that_has_expired_asks_for_another(simulator: Simulator) -> None:
    url = _link(simulator)
    simulator.control("POST", "clock", {"advance_seconds": links.LASTS_SECONDS + 1})
    assert _led_to(simulator, url) == "http://shop.test/again"


def test_links_are_for_somebody_who_is_there(simulator: Simulator) -> None:
    for path, form in (
        ("account_links", {"account": "acct_nobody", "type": "account_onboarding"}),
        ("account_links", {"account": "acct_nobody"}),
        ("billing_portal/sessions", {"customer": "cus_nobody"}),
        ("billing_portal/sessions", {"customer": "cus_nobody", "flow_data[type]": "x"}),
    ):
        assert simulator.post(f"/v1/{path}", form).status_code == 400
    assert simulator.http.get(f"{links.PAGE_PATH}bps_nobody").status_code == 404


def _subscribed(simulator: Simulator) -> tuple[str, str]:
    card = {"invoice_settings[default_payment_method]": "pm_card_visa"}
    owner = _made(simulator, "customers", payment_method="pm_card_visa", **card)["id"]
    price = {"price_data[currency]": "usd", "price_data[unit_amount]": "500"}
    recurring = {
        "items[0][price_data][product]": _made(simulator, "products", name="Tea")["id"],
        "items[0][price_data][recurring][interval]": "month",
        **{
            f"items[0][price_data]{name.removeprefix('price_data')}": at
            for name, at in price.items()
        },
    }
    return owner, _made(simulator, "subscriptions", customer=owner, **recurring)["id"]


def test_a_portal_ends_a_subscription_with_its_period_and_takes_that_back(
    simulator: Simulator,
) -> None:
    owner, subscription = _subscribed(simulator)
    back = {"return_url": "http://shop.test/me"}
    url = _made(simulator, "billing_portal/sessions", customer=owner, **back)["url"]
    assert subscription in (shown := simulator.http.get(url).text)
    assert "http://shop.test/me" in shown

    def does(**form: str) -> httpx.Response:
        return simulator.http.post(url, data=form)

    for form, ends in (({"cancel": subscription}, True), ({"keep": subscription}, False)):
        assert does(**form).status_code == 303
        found = simulator.get(f"/v1/subscriptions/{subscription}").json()
        assert found["cancel_at_period_end"] is ends
        assert does(**form).status_code == 400
    updated = simulator.get("/v1/events", type="customer.subscription.updated").json()["data"]
    told = [one for one in updated if "cancel_at_period_end" in one["data"]["previous_attributes"]]
    assert len(told) == 2


def test_a_portal_ends_nobody_elses_subscription(simulator: Simulator) -> None:
    _, others = _subscribed(simulator)
    mine, _ = _subscribed(simulator)
    url = _made(simulator, "billing_portal/sessions", customer=mine)["url"]
    assert others not in simulator.http.get(url).text
    assert simulator.http.post(url, data={"cancel": others}).status_code == 404
    assert simulator.get(f"/v1/subscriptions/{others}").json()["cancel_at_period_end"] is False


def test_a_link_is_saved_with_the_state(simulator: Simulator) -> None:
    url = _link(simulator)
    state = simulator.control("GET", "state")
    simulator.control("POST", "reset")
    assert simulator.http.get(url).status_code == 404
    simulator.control("POST", "state", state)
    assert _led_to(simulator, url) == "http://shop.test/back"


def test_a_link_that_is_good_again_and_again_is_found_out(
    monkeypatch: pytest.MonkeyPatch, world: links.World
) -> None:
    """The defect that the test of one use is there for, in the domain."""
    world.links["acctlink_1"] = links.HostedLink(
        subject="acct_1", return_url="back", refresh_url="again", expires_at=2_000_000_000
    )
    monkeypatch.setattr(links, "replace", lambda link, **_: link)
    assert [links.follow(world, "acctlink_1") for _ in range(2)] == ["back", "back"]
    monkeypatch.undo()
    assert [links.follow(world, "acctlink_1") for _ in range(2)] == ["back", "again"]
