"""Previews of invoices: what is said is what there will be, and nothing is changed by asking."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from payment_world import CAUSE
from test_simulator_billing import DAY, START, Shop

from paidonce.harness.simulator.domain import changing, clocks, coupons, invoice_items, invoices
from paidonce.harness.simulator.domain.billing_objects import Invoice
from paidonce.harness.simulator.domain.coupons import CreateCoupon, WantedDiscount
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.previewing import Preview, preview
from paidonce.harness.simulator.domain.subscribing import UpdateSubscription, WantedItem
from paidonce.harness.simulator.domain.touched import watched
from paidonce.harness.simulator.domain.touched_tables import Touched


def _told(invoice: Invoice) -> Any:
    """What an invoice comes to: its lines, what is taken off, and what is owed."""
    return (
        [(line.amount, line.description, line.period) for line in invoice.lines.data],
        invoice.total,
        invoice.billing_reason,
    )


def _newest(shop: Shop) -> Invoice:
    return shop.world.invoices.newest(1)[0]


def _everything(shop: Shop) -> bytes:
    world = shop.world
    names = ("invoices", "subscriptions", "invoice_items", "events", "coupons", "intents")
    held = {name: list(getattr(world, name)) for name in names}
    return msgspec.json.encode([held, sorted(world.deleted), world.agenda, dict(world.agenda_of)])


def test_a_preview_is_what_the_renewal_is_and_changes_nothing() -> None:
    shop = Shop()
    begun = shop.subscribe(shop.price(500))
    item = invoice_items.CreateItem(customer=shop.customer, amount=250, currency="usd")
    with clocks.time_of(shop.world, shop.customer):
        invoice_items.create(shop.world, item, CAUSE)
    before = _everything(shop)
    for request in (Preview(subscription=begun.id), Preview(customer=shop.customer)):
        found = preview(shop.world, request, CAUSE)
        assert found.id.startswith("upcoming_in_")
        assert (found.status, found.amount_due, found.number) == ("draft", 750, None)
        assert _everything(shop) == before
    shop.advance(START + 35 * DAY)
    assert _told(_newest(shop)) == _told(found)


def test_a_preview_of_a_change_is_what_the_change_costs() -> None:
    shop = Shop()
    begun = shop.subscribe(shop.price(500))
    shop.advance(START + 10 * DAY)
    wanted = WantedItem(id=begun.items.data[0].id, price=shop.price(1200))
    change = UpdateSubscription(items=(wanted,), proration="always_invoice")
    before = _everything(shop)
    found = preview(shop.world, Preview(subscription=begun.id, change=change), CAUSE)
    assert _everything(shop) == before
    assert found.total > 0
    with clocks.time_of(shop.world, shop.customer):
        changing.update(shop.world, begun.id, change, CAUSE)
    assert _told(_newest(shop)) == _told(found)


def test_a_preview_of_prorations_that_wait_has_them_beside_the_next_period() -> None:
    shop = Shop()
    begun = shop.subscribe(shop.price(500))
    shop.advance(START + 10 * DAY)
    wanted = WantedItem(id=begun.items.data[0].id, quantity=3)
    change = UpdateSubscription(items=(wanted,))
    found = preview(shop.world, Preview(subscription=begun.id, change=change), CAUSE)
    amounts = sorted(line.amount for line in found.lines.data)
    assert len(amounts) == 3
    assert amounts[0] < 0
    assert amounts[-1] == 1500


def test_a_preview_of_a_new_subscription_takes_off_its_coupon_and_redeems_nothing() -> None:
    shop = Shop()
    extras = {"percent_off": 20.0, "max_redemptions": 1}
    coupon = coupons.create(shop.world, CreateCoupon(extras=extras), CAUSE).id
    change = UpdateSubscription(items=(WantedItem(price=shop.price(500)),))
    off = (WantedDiscount(coupon=coupon),)
    request = Preview(customer=shop.customer, change=change, discounts=off)
    for _ in range(2):
        assert preview(shop.world, request, CAUSE).total == 400
    assert shop.world.coupons[coupon].times_redeemed == 0
    assert not len(shop.world.subscriptions)


def test_a_preview_of_an_end_gives_back_what_is_left_and_the_balance_has_it() -> None:
    shop = Shop()
    begun = shop.subscribe(shop.price(3100))
    shop.advance(START + 10 * DAY)
    request = Preview(subscription=begun.id, cancels_now=True)
    found = preview(shop.world, request, CAUSE)
    assert found.total < 0
    assert (found.amount_due, found.ending_balance) == (0, found.total)
    assert shop.world.subscriptions[begun.id].status == "active"


def test_where_nothing_is_upcoming_there_is_no_preview() -> None:
    shop = Shop()
    with pytest.raises(StripeError) as refused:
        preview(shop.world, Preview(customer=shop.customer), CAUSE)
    assert (refused.value.status, refused.value.error.code) == (404, "invoice_upcoming_none")
    begun = shop.subscribe(shop.price(500))
    ends = UpdateSubscription(extras={"cancel_at_period_end": True})
    with pytest.raises(StripeError) as refused:
        preview(shop.world, Preview(subscription=begun.id, change=ends), CAUSE)
    assert refused.value.error.code == "invoice_upcoming_none"
    other = Shop().customer
    with pytest.raises(StripeError):
        preview(shop.world, Preview(customer=other + "x", subscription=begun.id), CAUSE)


def test_whoever_is_told_what_a_preview_touched_hears_that_it_looked_at_all() -> None:
    shop = Shop()
    begun = shop.subscribe(shop.price(500))
    touched = Touched()
    preview(watched(shop.world, touched), Preview(subscription=begun.id), CAUSE)
    assert {("billing", ""), ("coupon", ""), ("product", "")} <= touched.looks
    assert not touched.changes
    assert not touched.made


def test_a_preview_that_is_made_in_the_account_itself_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The defect that would matter most."""
    shop = Shop()
    begun = shop.subscribe(shop.price(500))
    before = _everything(shop)
    monkeypatch.setattr(type(shop.world), "copied", lambda self: self)
    preview(shop.world, Preview(subscription=begun.id), CAUSE)
    assert _everything(shop) != before
    assert invoices.payment_of(shop.world, _newest(shop).id) is None
