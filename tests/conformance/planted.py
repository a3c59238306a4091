"""A defect of the simulator for each check of sales, billing and of what is sent on: the check has
to find it. By the name of the check."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from paidonce.harness.simulator.domain import (
    accounts,
    balance,
    catalog,
    changing,
    checkout,
    checkout_making,
    collecting,
    confirming,
    coupons,
    disputes,
    intent_checks,
    invoice_drafts,
    invoice_items,
    invoices,
    payment_methods,
    payouts,
    refunds,
    renewing,
    setups,
    subscriptions,
    transfers,
)
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.objects import Deleted
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace
Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

PLANTED: dict[str, Plant] = {}


def breaks(*names: str) -> Callable[[Plant], Plant]:
    """Register a defect for these checks."""

    def register(plant: Plant) -> Plant:
        PLANTED.update(dict.fromkeys(names, plant))
        return plant

    return register


# ---- what is sold


@breaks("product")
def _deleted_products_are_sold(patch: Patch) -> None:
    patch.setattr(
        catalog, "delete_product", lambda world, one, cause: Deleted(id=one, object="product")
    )


@breaks("product-with-a-price")
def _products_are_deleted_with_their_prices(patch: Patch) -> None:
    def delete(world: World, identifier: str, cause: Any) -> Deleted:
        world.deleted.add(identifier)
        return Deleted(id=identifier, object="product")

    patch.setattr(catalog, "delete_product", delete)


@breaks("price")
def _prices_that_are_not_active_are_sold(patch: Patch) -> None:
    patch.setattr(checkout_making, "_require_line", lambda *_: None)


@breaks("session")
def _sessions_are_born_paid(patch: Patch) -> None:
    create = checkout_making.create
    patch.setattr(
        checkout_making, "create", lambda *of: replace(create(*of), payment_status="paid")
    )


@breaks("session-modes")
def _what_recurs_is_sold_once(patch: Patch) -> None:
    require = checkout_making._require_line
    patch.setattr(
        checkout_making,
        "_require_line",
        lambda world, wanted, mode: require(world, wanted, "subscription"),
    )


@breaks("session-expires")
def _what_has_expired_keeps_its_page(patch: Patch) -> None:
    expire = checkout.expire
    patch.setattr(checkout, "expire", lambda *of: replace(expire(*of), url="http://shop.test"))


@breaks("session-expires-at-once", "session-paid")
def _sessions_are_always_open(patch: Patch) -> None:
    require = checkout.require
    patch.setattr(checkout, "require", lambda *of: replace(require(*of), status="open"))


@breaks("session-paid-or-expired")
def _what_expires_was_paid(patch: Patch) -> None:
    card = PaymentSource(payment_method="pm_card_visa")

    def expire(world: World, identifier: str, cause: Any) -> Any:
        with contextlib.suppress(StripeError):
            checkout.pay(world, identifier, card)
        session = replace(world.sessions[identifier], status="expired")
        world.sessions.put(session)
        return session

    patch.setattr(checkout, "expire", expire)


@breaks("setup")
def _no_card_is_saved(patch: Patch) -> None:
    patch.setattr(payment_methods, "attach", lambda world, one, *_: world.payment_methods[one])


@breaks("setup-canceled")
def _what_is_canceled_goes_on(patch: Patch) -> None:
    patch.setattr(setups, "OPEN", (*setups.OPEN, "canceled"))


@breaks("setup-at-once")
def _what_is_set_up_is_set_up_again(patch: Patch) -> None:
    patch.setattr(setups, "OPEN", (*setups.OPEN, "succeeded"))


@breaks("setup-asks")
def _nobody_is_asked_when_a_card_is_set_up(patch: Patch) -> None:
    patch.setattr(
        setups.questions,
        "asked",
        lambda world, setup, method, *_: replace(
            setup, status="succeeded", payment_method=method.id
        ),
    )


@breaks("off-session")
def _no_payment_is_asked_about(patch: Patch) -> None:
    patch.setattr(confirming, "_asks", lambda *_: False)


@breaks("method-updated")
def _methods_are_not_changed(patch: Patch) -> None:
    require = payment_methods.require
    patch.setattr(payment_methods, "update", lambda world, one, *_: require(world, one))


@breaks("method-detached")
def _what_was_detached_pays(patch: Patch) -> None:
    patch.setattr(payment_methods, "refuse_spent", lambda *_: None)
    patch.setattr(intent_checks, "refuse_spent", lambda *_: None)


# ---- billing


@breaks("subscription", "subscription-incomplete")
def _subscriptions_hear_nothing_of_their_invoices(patch: Patch) -> None:
    patch.setattr(invoices, "FOLLOWERS", [])


@breaks("subscription-trial")
def _trials_cost(patch: Patch) -> None:
    subscribing = subscriptions.subscribing
    patch.setattr(subscribing, "trial_lines", lambda *of: subscribing.lines(*of))


@breaks("subscription-canceled", "subscription-canceled-at-once")
def _what_is_over_is_canceled_again(patch: Patch) -> None:
    patch.setattr(changing, "OVER", ())


@breaks("renewal")
def _renewals_are_billed_twice(patch: Patch) -> None:
    bill = renewing.bill

    def twice(world: World, subscription: Any, *more: Any) -> Any:
        bill(world, subscription, *more)
        return bill(world, world.subscriptions[subscription.id], *more)

    patch.setattr(renewing, "bill", twice)


@breaks("renewal-declined")
def _nothing_is_tried_again(patch: Patch) -> None:
    patch.setattr(collecting, "RETRY_DAYS", ())


@breaks("subscription-ends")
def _subscriptions_do_not_end(patch: Patch) -> None:
    patch.setattr(subscriptions, "end", lambda world, subscription, *_: subscription)


@breaks("proration")
def _nothing_is_given_back(patch: Patch) -> None:
    enter = changing._enter

    def forgetful(world: World, subscription: Any, item: Any, sign: int, *more: Any) -> None:
        if sign > 0:
            enter(world, subscription, item, sign, *more)

    patch.setattr(changing, "_enter", forgetful)


@breaks("invoice")
def _half_is_entered(patch: Patch) -> None:
    settled = collecting.settled
    patch.setattr(
        collecting,
        "settled",
        lambda world, invoice, amount, cause: settled(world, invoice, amount // 2, cause),
    )


@breaks("invoice-at-once")
def _what_is_paid_is_paid_again(patch: Patch) -> None:
    require = invoices.require

    def open_(world: World, identifier: str, **more: Any) -> Any:
        found = require(world, identifier, **more)
        return replace(found, status="open") if found.status == "paid" else found

    patch.setattr(invoices, "require", open_)
    patch.setattr(confirming, "_refuse_if_decided", lambda *_: None)


@breaks("invoice-draft")
def _what_is_final_is_deleted(patch: Patch) -> None:
    def delete(world: World, identifier: str, cause: Any) -> Deleted:
        world.deleted.add(identifier)
        return Deleted(id=identifier, object="invoice")

    patch.setattr(invoice_drafts, "delete", delete)


@breaks("invoice-voided")
def _what_is_void_is_paid(patch: Patch) -> None:
    require = invoices.require

    def open_(world: World, identifier: str, **more: Any) -> Any:
        found = require(world, identifier, **more)
        return replace(found, status="open") if found.status == "void" else found

    patch.setattr(invoices, "require", open_)
    patch.setattr(invoices, "_give_up_intent", lambda *_: None)


@breaks("invoice-uncollectible")
def _what_is_given_up_is_void(patch: Patch) -> None:
    patch.setattr(invoices, "mark_uncollectible", invoices.void)


@breaks("invoice-paid-or-voided")
def _what_is_voided_was_paid(patch: Patch) -> None:
    ended, pay = invoices._ended, invoices.pay

    def void(world: World, identifier: str, cause: Any) -> Any:
        with contextlib.suppress(StripeError):
            pay(world, identifier, None, cause)
        invoice = world.invoices[identifier]
        return ended(world, invoice, "void", "voided_at", "invoice.voided", cause)

    patch.setattr(invoices, "void", void)


@breaks("invoice-item")
def _items_are_on_every_invoice(patch: Patch) -> None:
    def all_(world: World, customer: str, currency: str) -> list[Any]:
        return [one for one in world.invoice_items if one.customer == customer]

    patch.setattr(invoice_items, "pending", all_)


@breaks("coupon", "coupon-at-once")
def _coupons_have_no_limit(patch: Patch) -> None:
    patch.setattr(coupons, "usable", lambda world, wanted, *_: world.coupons[wanted.coupon])


@breaks("coupon-deleted")
def _what_was_deleted_is_redeemed(patch: Patch) -> None:
    patch.setattr(coupons, "delete", lambda world, one, cause: Deleted(id=one, object="coupon"))


@breaks("promotion-code")
def _codes_have_no_limit(patch: Patch) -> None:
    patch.setattr(coupons, "_over", lambda *_: False)


# ---- sent on and charged back


@breaks("transfer", "transfer-at-once")
def _what_was_sent_is_sent_again(patch: Patch) -> None:
    patch.setattr(transfers, "_sent_on", lambda *_: 0)


@breaks("reversal", "reversal-at-once")
def _what_was_taken_back_is_taken_back_again(patch: Patch) -> None:
    part = transfers._part
    patch.setattr(
        transfers,
        "_part",
        lambda world, prefix, amount, _, whole, how: part(
            world, prefix, amount, whole.amount, whole, how
        ),
    )


@breaks("destination")
def _half_of_the_fee_is_kept(patch: Patch) -> None:
    kept = transfers._kept
    patch.setattr(
        transfers,
        "_kept",
        lambda world, charge, account, amount, cause: kept(
            world, charge, account, amount // 2, cause
        ),
    )


@breaks("destination-refunded")
def _what_was_sent_on_stays_there(patch: Patch) -> None:
    patch.setattr(refunds, "_taken_back", lambda *_: None)


@breaks("transfer-to-nobody")
def _anybody_is_sent_money(patch: Patch) -> None:
    patch.setattr(accounts, "destination", lambda world, *_: accounts.own(world))


@breaks("payout")
def _what_is_not_there_is_paid_out(patch: Patch) -> None:
    patch.setattr(payouts, "available", lambda *_: 10**9)


@breaks("balance")
def _fees_are_not_taken_off(patch: Patch) -> None:
    def gross(world: World) -> Any:
        whole = sum(one.amount for one in world.balance_transactions)
        return balance.Balance(available=[balance._amount(whole, "usd")], pending=[])

    patch.setattr(balance, "of", gross)


@breaks("dispute")
def _what_is_charged_back_is_refunded(patch: Patch) -> None:
    patch.setattr(disputes, "refuse_refund", lambda *_: None)


@breaks("dispute-won")
def _what_is_won_stays_away(patch: Patch) -> None:
    move = disputes._move
    patch.setattr(
        disputes,
        "_move",
        lambda world, dispute, charge, amount, fee: move(
            world, dispute, charge, min(amount, 0), fee
        ),
    )


@breaks("dispute-lost")
def _what_is_lost_is_given_back(patch: Patch) -> None:
    decide = disputes.decide

    def both(world: World, identifier: str, won: bool, cause: Any) -> Any:
        decided = decide(world, identifier, True, cause)
        if not won:
            decided = replace(decided, status="lost")
            world.disputes.put(decided)
        return decided

    patch.setattr(disputes, "decide", both)


@breaks("dispute-closed", "dispute-closed-at-once")
def _disputes_are_given_up_again_and_again(patch: Patch) -> None:
    patch.setattr(
        disputes,
        "close",
        lambda world, one, cause: replace(world.disputes[one], status="lost"),
    )
