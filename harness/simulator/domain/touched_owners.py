"""Whose an object is: to which thing (see ``touched``) what is read and written of it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paidonce.harness.simulator.domain.collection import Collection
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.touched_tables import Thing


def _itself(kind: str) -> Callable[[Owners, str], Thing]:
    """Return a method for objects that are things of their own."""

    def thing(_: Owners, identifier: str) -> Thing:
        return (kind, identifier)

    return thing


def _of_customer(name: str) -> Callable[[Owners, str], Thing]:
    """Return a method for what a customer is billed for, in the world's collection ``name``."""

    def thing(owners: Owners, identifier: str) -> Thing:
        billed: Collection[Any] = getattr(owners.world, name)
        found = billed.get(identifier)
        return ("billing", "" if found is None else str(found.customer))

    return thing


class Owners:
    """Tells the thing that an id belongs to; all of its kind (an empty id) where there is no such
    object."""

    def __init__(self, world: World) -> None:
        self.world = world

    nobody = _itself("")
    payment_intent = _itself("payment_intent")
    payment_method = _itself("payment_method")
    setup_intent = _itself("setup_intent")
    customer = _itself("customer")
    wallet = _itself("wallet")
    billing = _itself("billing")
    webhook_endpoint = _itself("webhook_endpoint")
    product = _itself("product")
    checkout_session = _itself("checkout_session")
    test_clock = _itself("test_clock")
    coupon = _itself("coupon")
    account = _itself("account")
    payout = _itself("payout")
    of_subscription = _of_customer("subscriptions")
    of_invoice = _of_customer("invoices")
    of_invoice_item = _of_customer("invoice_items")
    of_discount = _of_customer("discounts")
    of_credit_move = _of_customer("credit_moves")

    def of_charge(self, charge: str) -> Thing:
        found = self.world.charges.get(charge)
        return ("payment_intent", "" if found is None else found.payment_intent or charge)

    def of_movement(self, entry: str) -> Thing:
        balance_transaction = self.world.balance_transactions.get(entry)
        if balance_transaction is None:
            return ("payment_intent", "")
        refund = self.world.refunds.get(balance_transaction.source)
        return self.of_charge(balance_transaction.source if refund is None else refund.charge)

    def of_refund(self, refund: str) -> Thing:
        found = self.world.refunds.get(refund)
        return ("payment_intent", "") if found is None else self.of_charge(found.charge)

    def of_dispute(self, dispute: str) -> Thing:
        found = self.world.disputes.get(dispute)
        return ("payment_intent", "") if found is None else self.of_charge(found.charge)

    def of_price(self, price: str) -> Thing:
        found = self.world.prices.get(price)
        return ("product", "" if found is None else found.product)

    def of_item(self, item: str) -> Thing:
        subscription_item = self.world.subscription_items.get(item)
        return (
            ("billing", "")
            if subscription_item is None
            else self.of_subscription(subscription_item.subscription)
        )

    def of_payment(self, payment: str) -> Thing:
        invoice_payment = self.world.invoice_payments.get(payment)
        return (
            ("billing", "") if invoice_payment is None else self.of_invoice(invoice_payment.invoice)
        )

    def of_code(self, code: str) -> Thing:
        promotion_code = self.world.promotion_codes.get(code)
        return ("coupon", "" if promotion_code is None else str(promotion_code.promotion["coupon"]))

    def of_transfer(self, transfer: str) -> Thing:
        found = self.world.transfers.get(transfer)
        return ("account", "" if found is None else found.destination)

    def of_reversal(self, reversal: str) -> Thing:
        transfer_reversal = self.world.transfer_reversals.get(reversal)
        return (
            ("account", "")
            if transfer_reversal is None
            else self.of_transfer(transfer_reversal.transfer)
        )

    def of_fee(self, fee: str) -> Thing:
        application_fee = self.world.application_fees.get(fee)
        return ("account", "" if application_fee is None else application_fee.account)

    def of_fee_refund(self, refund: str) -> Thing:
        fee_refund = self.world.fee_refunds.get(refund)
        return ("account", "") if fee_refund is None else self.of_fee(fee_refund.fee)

    def of_cash_move(self, move: str) -> Thing:
        cash_transaction = self.world.cash_moves.get(move)
        return ("wallet", "" if cash_transaction is None else cash_transaction.customer)

    def of_cash(self, key: str) -> Thing:
        """A customer's cash in one currency."""
        return ("wallet", key.split()[0])

    def of_spent(self, identifier: str) -> Thing:
        """Something that can be used once: a charge's money, or a payment method."""
        if identifier in self.world.charges:
            return self.of_charge(identifier)
        return ("payment_method", identifier)

    def of_deleted(self, identifier: str) -> Thing:
        """An object of any kind that can be deleted."""
        world = self.world
        owners: tuple[tuple[Callable[[str], Thing], Collection[Any]], ...] = (
            (self.product, world.products),
            (self.customer, world.customers),
            (self.coupon, world.coupons),
            (self.account, world.accounts),
            (self.test_clock, world.test_clocks),
            (self.of_invoice, world.invoices),
            (self.of_invoice_item, world.invoice_items),
            (self.of_item, world.subscription_items),
        )
        for owner, kept in owners:
            if identifier in kept:
                return owner(identifier)
        return self.webhook_endpoint(identifier)
