"""The conditions for a payment intent to be made, changed or confirmed; errors as Stripe's."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.simulator.domain import money
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.objects import PaymentMethod
from paidonce.harness.simulator.domain.payment_methods import refuse_spent
from paidonce.harness.simulator.domain.state import World


def require_minimum(amount: int, currency: str, error: type[StripeError] = StripeError) -> None:
    """400 ``amount_too_small`` when Stripe would not charge so little in that currency.

    ``error`` is ``Refused`` where this is part of checking the parameters alone.
    """
    if amount < money.minimum(currency):
        raise error(
            400,
            f"Amount must be at least {money.written(money.minimum(currency), currency)}",
            code="amount_too_small",
            param="amount",
        )


def require_customer(world: World, customer: str | None) -> None:
    """400 ``resource_missing`` for a customer that does not exist, or no longer."""
    if customer is not None and (customer not in world.customers or customer in world.deleted):
        raise no_such("customer", customer, "customer", status=400)


def require_usable(
    world: World,
    method: PaymentMethod,
    customer: str | None,
    types: Sequence[str],
    currency: str,
) -> None:
    """400 where that method may not pay: another's, used up, or of a type not asked for."""
    if method.customer is not None and method.customer != customer:
        raise StripeError(
            400,
            f"The customer does not have a payment method with the ID {method.id}. The payment "
            "method must be attached to the customer.",
            param="payment_method",
        )
    refuse_spent(world, method)
    if method.type not in types:
        raise StripeError(
            400,
            f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent. "
            f"Its allowed types are {', '.join(types)}.",
            param="payment_method",
        )
    if method.type == "us_bank_account" and currency != "usd":
        raise StripeError(
            400,
            f"The payment method type us_bank_account does not take the currency {currency}; it "
            "takes usd.",
            param="currency",
        )
